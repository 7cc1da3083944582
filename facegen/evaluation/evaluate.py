"""Evaluation of a run on one split."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from facegen.core.evidence import Evidence, Figure
from facegen.core.interruption import Interruption
from facegen.core.logger_interface import Evaluation
from facegen.core.progress import Observer
from facegen.core.readable_files import real_path
from facegen.data.media.generated_media import save_picture
from facegen.data.media.marking import TRUE_FACES, Mark
from facegen.evaluation.evaluation_corpus import corpus_key
from facegen.evaluation.evaluation_folder import evaluation_folder
from facegen.evaluation.evaluation_setup import EvaluationSetup, set_up
from facegen.evaluation.figures import by_key, measure_metric, with_own_labels
from facegen.evaluation.gathering.gather import gather
from facegen.evaluation.gathering.other_domain import note_of_other_domain
from facegen.evaluation.judging.judge import SELF_JUDGED, Judge, find_judge
from facegen.evaluation.render.pictures import draw_pictures
from facegen.evaluation.report import Picture, Report, report_name
from facegen.evaluation.weights import weights_hash
from facegen.training.face_pipeline import FacePipeline, choose_noises
from facegen.training.runs.checkpoint import read_step
from facegen.training.runs.open_run import open_run_or_model
from facegen.training.runs.run_logger import RunLogger
from facegen.training.sample_grid import SampleGrid

NUM_SHOWN_VOICES, NUM_SHOWN_NOISES = 8, 6
_SELF_JUDGED_NOTE = (
    "self-judged: the judge is the match stage that the generator was trained with, as in Choi et al. 2020; the "
    "figures tell how well the generator satisfies these networks, and are higher than an independent judge's"
)


def evaluate(
    path: Path,
    *,
    data: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    recognisers: Sequence[str] = (),
    against: Sequence[Path] = (),
    out: Path | None = None,
    observer: Observer,
    interruption: Interruption | None = None,
) -> Report:
    """Measure every metric of a run's recipe, and write tables and pictures.

    Args:
        path: run folder, model file, or name of a shipped model.
        out: folder of the tables and pictures; `evaluation_folder` by default.
        data: a packed corpus to evaluate on; the run's own by default.
        overrides: keys of [evaluate] that replace the recipe's.
        recognisers: recognisers beside the recipe's, NAME or NAME:key=value,key=value each.
        against: folders of baselines: other runs, whose faces of the same rows the judge compares with the run's.
        observer: receives progress and warnings.
        interruption: listens to signals during the judge's training; None if they have their usual effect.
    Raises:
        CheckpointError: the run has nothing to evaluate yet, or is damaged.
        RecipeError: its recipe has no match stage, so that no judge can be trained.
        DataError: the corpus is missing, or does not fit the run.
        Interrupted: the judge's training was interrupted; the next call resumes it.
    """
    run = open_run_or_model(path)
    setup = set_up(
        run, data=data, overrides=overrides or {}, recognisers=recognisers, against=against, observer=observer
    )  # fmt: skip
    corpus, subjects = setup.corpus, setup.subjects
    judge = find_judge(run, corpus.judge_home, subjects.settings, setup.device, observer, interruption)
    evidence = gather(
        subjects, judge, observer,
        reads=setup.reads, recognisers=setup.recognisers, baselines=setup.baselines, corpus=corpus,
    )  # fmt: skip
    outside = note_of_other_domain(setup, evidence)
    if outside:
        observer.warn(outside)
    judge_is_unfit = corpus.judge_is_unfit(setup.judge_is_run)
    figures = _measure(setup, evidence, judge_is_unfit, observer)
    folder = evaluation_folder(path) if out is None else out
    key = corpus_key(corpus.recipe, subjects.settings.split)
    ending = f"-{SELF_JUDGED}" if setup.is_self_judged else ""
    name = report_name(folder, f"{subjects.settings.split}{ending}", key, None if corpus.is_own else corpus.name)
    mark = Mark(run.name, subjects.settings.seed, TRUE_FACES)
    pictures = draw_pictures(evidence, subjects, folder / name, mark, trust_judge=not judge_is_unfit)
    notes = [outside] if outside else []
    report = _report(setup, judge, evidence, figures, pictures, key, folder / name, notes)
    report.write()
    if subjects.face_pipeline is not None and report.picture is not None:
        _draw_grid(setup, subjects.face_pipeline, report.heading, report.picture)
    evaluation = Evaluation(report.name, report.step, by_key(report), report.table, report.picture)
    RunLogger(run, observer).evaluation_finished(evaluation)
    return report


def _measure(
    setup: EvaluationSetup, evidence: Evidence, judge_is_unfit: str, observer: Observer
) -> dict[str, list[Figure]]:
    """Measure the figures of every metric."""
    figures = {}
    observer.start("measure", len(setup.metrics))
    for num_done, (name, metric) in enumerate(setup.metrics.items(), 1):
        figures[name] = measure_metric(name, metric, evidence, judge_is_unfit)
        observer.advance(num_done)
    observer.finish()
    return with_own_labels(figures, setup.run.recipe.configs["metric"])


def _report(
    setup: EvaluationSetup,
    judge: Judge,
    evidence: Evidence,
    figures: Mapping[str, list[Figure]],
    pictures: Sequence[Picture],
    key: str,
    file: Path,
    notes: Sequence[str],
) -> Report:
    """Make the report whose files are named `file`, before their suffixes."""
    run, corpus, settings = setup.run, setup.corpus, setup.subjects.settings
    draws = setup.subjects.face_pipeline is not None
    return Report(
        run=real_path(run.path).name,
        step=read_step(run.generator_checkpoint()) if draws else None,
        corpus=corpus.name,
        split=settings.split,
        seed=settings.seed,
        judge="; ".join([evidence.judge, *(f"recogniser {name}" for name in setup.recognisers)]),
        judge_key=judge.key,
        corpus_key=key,
        max_clips=settings.num_clips,
        num_clips=len(evidence.person),
        num_people=len(evidence.person.unique()),
        num_noises=settings.num_noises if draws else 0,
        figures=figures,
        table=file.with_name(f"{file.name}.md"),
        picture=file.with_name(f"{file.name}.png") if draws else None,
        pictures=pictures,
        weights_hash=weights_hash(run),
        baselines=setup.baseline_weights,
        people=corpus.people(settings.split),
        notes=[
            *corpus.notes(judge_is_run=setup.judge_is_run),
            *notes,
            *([_SELF_JUDGED_NOTE] if setup.is_self_judged else []),
        ],
        self_judged=setup.is_self_judged,
    )


def _draw_grid(setup: EvaluationSetup, pipeline: FacePipeline, heading: str, path: Path) -> None:
    """Draw a grid: people in rows, the true face first, then one column per noise."""
    rows, seed = setup.subjects.rows, setup.subjects.settings.seed
    shown = rows.choose(NUM_SHOWN_VOICES, seed, distinct_people=True)
    noises = choose_noises(pipeline.noise, NUM_SHOWN_NOISES, seed, rows.device)
    names = rows.dataset.spec.identities
    grid = SampleGrid(rows.fetch_plain(shown), noises, rows.split, names)
    save_picture(grid.picture(pipeline, heading), path, Mark(setup.run.name, seed, TRUE_FACES))
