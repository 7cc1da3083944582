"""Measure a run on people, or on clips, that it was not trained on."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from facegen.core.errors import DataError, RecipeError
from facegen.core.evidence import Evidence, Figure
from facegen.core.interfaces import Conditioner, Metric
from facegen.core.interruption import Interruption
from facegen.core.observer import Observer
from facegen.core.recipe import Recipe, with_data
from facegen.core.settings import check_table
from facegen.core.tables import DataSettings, EvaluateSettings
from facegen.data.corpus import Corpus
from facegen.data.pictures import save_picture
from facegen.evaluation.corpora import corpus_key, corpus_name
from facegen.evaluation.gather import Subjects, choose_subjects, gather
from facegen.evaluation.illustrate import illustrate
from facegen.evaluation.judge import find_judge, judges_itself
from facegen.evaluation.judge_recipe import judge_recipe
from facegen.evaluation.metric_names import metric_names, told_apart
from facegen.evaluation.recognition import build_recognisers, with_recognisers
from facegen.evaluation.report import Report
from facegen.evaluation.rivals import load_rivals
from facegen.inference.load import load_face_pipeline
from facegen.training.checkpoint import read_state
from facegen.training.distributed import Distributed
from facegen.training.face_pipeline import FacePipeline
from facegen.training.run import Run
from facegen.training.sample_grid import SampleGrid, choose_noises
from facegen.training.train import open_dataset

NUM_SHOWN_VOICES, NUM_SHOWN_NOISES = 8, 6


def evaluate(
    path: Path,
    *,
    data: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    recognisers: Sequence[str] = (),
    against: Sequence[Path] = (),
    observer: Observer,
    interruption: Interruption | None = None,
) -> Report:
    """Answer every metric of a run's recipe, and write table and picture into RUN/evaluation.

    Args:
        path: the run folder.
        data: a packed corpus to evaluate on; the run's own by default.
        overrides: keys of [evaluate] that replace the recipe's.
        recognisers: outside judges beside the recipe's, NAME or NAME:key=value,key=value each.
        against: other runs, whose faces of the same rows the judge compares with the run's.
        observer: told about everything.
        interruption: listens while a judge is trained; None where nobody will ask.
    Raises:
        CheckpointError: the run has nothing to evaluate yet, or is damaged.
        RecipeError: its recipe has no match stage, so that no judge can be trained.
        DataError: the corpus is missing, or does not fit the run.
        Interrupted: the judge's training was stopped, and goes on next time.
    """
    run = Run.open(path)
    settings = _settings(run, overrides or {})
    device = Distributed.join(run.recipe.run.device).device
    outside = build_recognisers(with_recognisers(run.recipe, recognisers))
    pipeline = None if run.recipe.one("generator") is None else load_face_pipeline(run, device)
    rivals = load_rivals(against, run, settings.judge_seed, device)
    recipe = run.recipe if data is None else _on_other_data(run, data)
    corpus = open_dataset(recipe)
    home = _home(run, recipe, observer)
    # All that can be refused is refused before a judge is trained.
    judge_needs = needs_of(run.recipe if judges_itself(run) else judge_recipe(run, home, settings))
    if data is not None and "identity" in judge_needs:
        raise DataError(f"--data {data}: the judge tells people by name, and knows nobody of another corpus")
    request: DataSettings = recipe.chosen("dataset").engine
    read = judge_needs.union(*(rival.needs for rival in rivals.values()))
    subjects = choose_subjects(corpus, request, settings, pipeline, read, device, observer)
    asked = run.recipe.choices["metric"]
    metrics: dict[str, Metric] = dict(zip(metric_names(asked), [choice.build() for choice in asked], strict=True))
    judge = find_judge(run, home, settings, device, observer, interruption)
    reads = frozenset[str]().union(*(metric.reads for metric in metrics.values()))
    evidence = gather(subjects, judge, observer, reads=reads, recognisers=outside, rivals=rivals)
    name = settings.split if data is None else f"{data.resolve().name}-{settings.split}"
    report = Report(
        run=path.resolve().name,
        step=None if pipeline is None else int(read_state(run.drawing_checkpoint())["step"]),
        corpus=corpus_name(recipe),
        split=settings.split,
        seed=settings.seed,
        judge="; ".join([evidence.judge, *(f"outside judge {name}" for name in outside)]),
        judge_key=judge.key,
        corpus_key=corpus_key(recipe),
        max_clips=settings.num_clips,
        num_clips=len(evidence.person),
        num_people=len(evidence.person.unique()),
        num_noises=0 if pipeline is None else settings.num_noises,
        figures=told_apart(_measure(metrics, evidence, observer), asked),
        table=path / "evaluation" / f"{name}.md",
        picture=None if pipeline is None else path / "evaluation" / f"{name}.png",
        pictures=illustrate(evidence, subjects, path / "evaluation" / name),
    )
    report.write()
    if pipeline is not None and report.picture is not None:
        _show(subjects, pipeline, report)
    return report


def _measure(metrics: Mapping[str, Metric], evidence: Evidence, observer: Observer) -> dict[str, list[Figure]]:
    found = {}
    observer.start("measure", len(metrics))
    for done, (name, metric) in enumerate(metrics.items(), 1):
        found[name] = metric.measure(evidence)
        observer.advance(done)
    observer.finish()
    return found


def _settings(run: Run, overrides: Mapping[str, Any]) -> EvaluateSettings:
    checked, problems = check_table(EvaluateSettings, {**run.recipe.evaluate.model_dump(), **overrides})
    if not isinstance(checked, EvaluateSettings):
        raise RecipeError(*(f"[evaluate] {problem}" for problem in problems))
    return checked


def _on_other_data(run: Run, data: Path) -> Recipe:
    """The run's recipe with another corpus; faces and speech keep the size that the run reads."""
    recipe, request = with_data(run.recipe, data), run.data
    manifest = Corpus.open(data).manifest
    needs = needs_of(recipe)
    if "identity" in needs:
        raise DataError(f"--data {data}: the run draws people by name, and knows nobody of another corpus")
    if "speech" in needs and "speech" in manifest.columns and manifest.sample_rate_hz != request.sample_rate_hz:
        raise DataError(
            f"--data {data}: its speech has {manifest.sample_rate_hz} Hz, and the run reads {request.sample_rate_hz} "
            f"Hz; pack the corpus again at that rate"
        )
    return recipe


def needs_of(recipe: Recipe) -> frozenset[str]:
    """The Batch columns that the recipe's conditioners read."""
    parts: list[type[Conditioner]] = [choice.part.load() for choice in recipe.choices["conditioner"]]
    return frozenset[str]().union(*(part.needs for part in parts))


def _home(run: Run, recipe: Recipe, observer: Observer) -> Recipe:
    """The recipe whose corpus the judge learns from: the run's own, or the other one where that is gone."""
    try:
        open_dataset(run.recipe)
    except DataError as error:
        if recipe is run.recipe:
            raise
        observer.warn(f"the run's own corpus cannot be read ({error}); the judge learns from the other one")
        return recipe
    return run.recipe


def _show(subjects: Subjects, pipeline: FacePipeline, report: Report) -> None:
    """People in rows, the true face first, then one column a noise, large enough to be looked at."""
    rows, seed = subjects.rows, subjects.settings.seed
    shown = rows.choose(NUM_SHOWN_VOICES, seed, distinct_people=True)
    noises = choose_noises(pipeline.noise, NUM_SHOWN_NOISES, seed, rows.device)
    names = rows.dataset.spec.identities
    picture = SampleGrid(rows.fetch_plain(shown), noises, rows.split, names).picture(pipeline, report.heading)
    if report.picture is not None:
        save_picture(picture, report.picture)
