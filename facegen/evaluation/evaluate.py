"""Evaluation of a run on one split."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from facegen.core.errors import DataError, RecipeError
from facegen.core.evidence import Evidence, Figure
from facegen.core.interfaces import Metric
from facegen.core.interruption import Interruption
from facegen.core.progress import Observer
from facegen.core.recipe.settings import check_table
from facegen.core.recipe.tables import DataSettings, EvaluateSettings, EvaluationSplit
from facegen.data.media.grids import save_picture
from facegen.evaluation.baselines import load_baselines
from facegen.evaluation.evaluation_corpus import EvaluationCorpus, corpus_key, needs_of
from facegen.evaluation.figures import measure_metric, metric_names, with_own_labels
from facegen.evaluation.gather import Subjects, choose_subjects, gather
from facegen.evaluation.judge import find_judge, judges_itself
from facegen.evaluation.judge_recipe import judge_recipe
from facegen.evaluation.recognition import build_recognisers, with_recognisers
from facegen.evaluation.render.pictures import draw_pictures
from facegen.evaluation.report import Report
from facegen.evaluation.weights import weights_hash
from facegen.inference.load import load_face_pipeline
from facegen.training.distributed import Distributed
from facegen.training.face_pipeline import FacePipeline, choose_noises
from facegen.training.runs.checkpoint import read_state
from facegen.training.runs.run import Run
from facegen.training.sample_grid import SampleGrid

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
    """Measure every metric of a run's recipe, and write tables and pictures into RUN/evaluation.

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
    corpus = EvaluationCorpus.of(run, data)
    settings = _settings(run, overrides or {}, corpus)
    notes = corpus.notes(judge_is_run=judges_itself(run))
    for note in notes:
        observer.warn(note)
    device = Distributed.join(run.recipe.run.device).device
    outside = build_recognisers(with_recognisers(run.recipe, recognisers))
    pipeline = None if run.recipe.optional_config("generator") is None else load_face_pipeline(run, device)
    baselines = load_baselines(against, run, settings.judge_seed, device)
    # All that can be refused is refused before a judge is trained.
    judge_needs = needs_of(run.recipe if judges_itself(run) else judge_recipe(run, corpus.judge_home, settings))
    if not corpus.is_own and "identity" in judge_needs:
        raise DataError(f"--data {data}: the judge tells people by name, and knows nobody of another corpus")
    request: DataSettings = corpus.recipe.config("dataset").engine
    read = judge_needs.union(*(baseline.needs for baseline in baselines.values()))
    subjects = choose_subjects(corpus.dataset, request, settings, pipeline, read, device, observer)
    asked = run.recipe.configs["metric"]
    metrics: dict[str, Metric] = dict(zip(metric_names(asked), [choice.build() for choice in asked], strict=True))
    judge = find_judge(run, corpus.judge_home, settings, device, observer, interruption)
    reads = frozenset[str]().union(*(metric.reads for metric in metrics.values()))
    evidence = gather(
        subjects, judge, observer, reads=reads, recognisers=outside, baselines=baselines, corpus=corpus
    )  # fmt: skip
    name = settings.split if corpus.is_own else f"{corpus.name}-{settings.split}"
    unfit = corpus.judge_is_unfit(judges_itself(run))
    report = Report(
        run=path.resolve().name,
        step=None if pipeline is None else int(read_state(run.generator_checkpoint())["step"]),
        corpus=corpus.name,
        split=settings.split,
        seed=settings.seed,
        judge="; ".join([evidence.judge, *(f"outside judge {name}" for name in outside)]),
        judge_key=judge.key,
        corpus_key=corpus_key(corpus.recipe, settings.split),
        max_clips=settings.num_clips,
        num_clips=len(evidence.person),
        num_people=len(evidence.person.unique()),
        num_noises=0 if pipeline is None else settings.num_noises,
        figures=with_own_labels(_measure(metrics, evidence, unfit, observer), asked),
        table=path / "evaluation" / f"{name}.md",
        picture=None if pipeline is None else path / "evaluation" / f"{name}.png",
        pictures=draw_pictures(evidence, subjects, path / "evaluation" / name, trust_judge=not unfit),
        weights_hash=weights_hash(run),
        people=corpus.people(settings.split),
        notes=notes,
    )
    report.write()
    if pipeline is not None and report.picture is not None:
        _show(subjects, pipeline, report)
    return report


def _measure(
    metrics: Mapping[str, Metric], evidence: Evidence, judge_is_unfit: str, observer: Observer
) -> dict[str, list[Figure]]:
    figures = {}
    observer.start("measure", len(metrics))
    for done, (name, metric) in enumerate(metrics.items(), 1):
        figures[name] = measure_metric(name, metric, evidence, judge_is_unfit)
        observer.advance(done)
    observer.finish()
    return figures


def _settings(run: Run, overrides: Mapping[str, Any], corpus: EvaluationCorpus) -> EvaluateSettings:
    own = run.recipe.evaluate
    given = {**own.model_dump(), **overrides}
    if overrides.get("split") in (None, *get_args(EvaluationSplit)):
        given["split"] = corpus.split(overrides.get("split"), own.split, judge_is_run=judges_itself(run))
    checked, problems = check_table(EvaluateSettings, given)
    if not isinstance(checked, EvaluateSettings):
        raise RecipeError(*(f"[evaluate] {problem}" for problem in problems))
    return checked


def _show(subjects: Subjects, pipeline: FacePipeline, report: Report) -> None:
    """Draw a grid: people in rows, the true face first, then one column per noise."""
    rows, seed = subjects.rows, subjects.settings.seed
    shown = rows.choose(NUM_SHOWN_VOICES, seed, distinct_people=True)
    noises = choose_noises(pipeline.noise, NUM_SHOWN_NOISES, seed, rows.device)
    names = rows.dataset.spec.identities
    picture = SampleGrid(rows.fetch_plain(shown), noises, rows.split, names).picture(pipeline, report.heading)
    if report.picture is not None:
        save_picture(picture, report.picture)
