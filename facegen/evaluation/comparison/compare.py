"""Comparison of runs: read or make their reports, and check that they are comparable."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from facegen.core.errors import CheckpointError, DataError
from facegen.core.interruption import Interruption
from facegen.core.progress import Observer
from facegen.core.readable_files import real_path
from facegen.core.recipe.tables import EvaluateSettings, EvaluationSplit, JudgeKind
from facegen.core.shipped_models import MODEL_SUFFIX
from facegen.evaluation.evaluate import evaluate
from facegen.evaluation.evaluation_folder import FOLDER, evaluation_folder
from facegen.evaluation.figures import metric_names
from facegen.evaluation.judging.judge import SELF_JUDGED, is_self_judged
from facegen.evaluation.render.write import write_run_report
from facegen.evaluation.report import Report
from facegen.evaluation.run_report import read_reports
from facegen.evaluation.weights import weights_hash
from facegen.training.runs.open_run import open_run_or_model
from facegen.training.runs.run import Run


@dataclass(frozen=True)
class Column:
    """One run on one split, with its report.

    Attributes:
        place: the run folder, or the JSON file of the report.
        report: the report.
        name: name of the run, unique among the compared ones.
        label: the name, followed by the split if a run has several.
        recipe: name of the run's recipe; "" if it is unknown.
        run: the run; None if there is only its report.
    """

    place: Path
    report: Report
    name: str
    label: str
    recipe: str
    run: Run | None


@dataclass(frozen=True)
class _Source:
    """One path that is compared, and its reports if it is a JSON file."""

    place: Path
    recipe: str
    run: Run | None
    reports: Sequence[Report]


def columns_of(
    paths: Sequence[Path],
    splits: Sequence[EvaluationSplit],
    num_clips: int | None,
    observer: Observer,
    interruption: Interruption,
    judge: JudgeKind | None = None,
) -> list[Column]:
    """Collect a report of every run on every split; evaluate where the report is missing or of other weights.

    Args:
        paths: run folders, model files, names of shipped models, or JSON files of evaluations: report.json, or that of
            one split. JSON is used as it is.
        splits: splits to compare on; if empty, that of each run's recipe, and all that a JSON file holds.
        num_clips: maximum number of rows; that of each run's recipe by default.
        observer: receives progress and messages of the evaluations.
        interruption: interrupts the training of a judge.
        judge: kind of judge; that of each run's recipe by default.
    Raises:
        FacegenError: a run cannot be evaluated, or a JSON file is not a report or lacks a split.
        Interrupted: a judge's training was interrupted.
    """
    sources = [_read_file(path, splits) if _is_report(path) else _open_run(path) for path in paths]
    columns = []
    for source, name in zip(sources, _names([source.place for source in sources]), strict=True):
        reports = list(source.reports)
        if not reports and source.run is not None:
            own = source.run.recipe.evaluate
            settings = own.model_copy(update={"num_clips": num_clips or own.num_clips, "judge": judge or own.judge})
            reports = [
                _report(source.place, source.run, settings.model_copy(update={"split": split}), observer, interruption)
                for split in splits or [own.split]
            ]
        for report in reports:
            label = f"{name}, {report.name}" if len(reports) > 1 else name
            columns.append(Column(source.place, report, name, label, source.recipe, source.run))
    return columns


def _is_report(path: Path) -> bool:
    return path.is_file() and path.suffix != MODEL_SUFFIX


def _open_run(path: Path) -> _Source:
    run = open_run_or_model(path)
    return _Source(path, run.recipe.run.name, run, [])


def _read_file(path: Path, splits: Sequence[EvaluationSplit]) -> _Source:
    """Read the reports of a JSON file, and its run if the file is inside one."""
    recipe, reports = read_reports(path)
    missing = [split for split in splits if split not in {report.split for report in reports}]
    if missing:
        available = ", ".join(report.name for report in reports)
        raise DataError(f"{path}: has no evaluation on {', '.join(missing)}; available: {available}")
    folder = real_path(path).parents[1] if real_path(path).parent.name == FOLDER else None
    run = Run.open(folder) if folder is not None and (folder / "run.json").is_file() else None
    chosen = [report for report in reports if not splits or report.split in splits]
    return _Source(folder or path, recipe if run is None else run.recipe.run.name, run, chosen)


def _report(
    place: Path, run: Run, settings: EvaluateSettings, observer: Observer, interruption: Interruption
) -> Report:
    ending = f"-{SELF_JUDGED}" if is_self_judged(run, settings) else ""
    path = evaluation_folder(place) / f"{settings.split}{ending}.json"
    if path.exists():
        try:
            report = Report.read(path)
        except CheckpointError as error:
            observer.say(f"{error}; evaluating again")
        else:
            metrics = metric_names(run.recipe.configs["metric"])
            is_complete = report.max_clips == settings.num_clips and list(report.figures) == metrics
            if is_complete and report.weights_hash == weights_hash(run):
                return report
    observer.say(f"evaluating {place} on {settings.split}")
    overrides = {"split": settings.split, "num_clips": settings.num_clips, "judge": settings.judge}
    report = evaluate(place, overrides=overrides, observer=observer, interruption=interruption)
    write_run_report(place, observer)
    return report


def _names(paths: Sequence[Path]) -> list[str]:
    """Shorten paths to their last components, as few as keep them unique."""
    whole = [real_path(path).with_suffix("") if path.is_file() else real_path(path) for path in paths]
    depth = 1
    while len({path.parts[-depth:] for path in whole}) < len(set(whole)):
        depth += 1
    return ["/".join(path.parts[-depth:]) for path in whole]


def obstacles(columns: Sequence[Column]) -> list[str]:
    """List the reasons why columns are not comparable."""
    reasons = []
    corpora = {column.label: (column.report.corpus, column.report.corpus_key) for column in columns}
    judges = {column.label: (column.report.judge, column.report.judge_key) for column in columns}
    advice = {"corpora": "train them on one corpus", "judges": "give their recipes the same [data] and [judge]"}
    for kind, identities in (("corpora", corpora), ("judges", judges)):
        if len({key for _, key in identities.values()}) > 1:
            details = "; ".join(f"{label}: {name} [{key[:6] or 'itself'}]" for label, (name, key) in identities.items())
            reasons.append(f"not comparable: different {kind} ({details}); {advice[kind]}")
    splits: dict[Path, set[str]] = {}
    for column in columns:
        splits.setdefault(column.place, set()).add(column.report.split)
    if len({frozenset(names) for names in splits.values()}) > 1:
        details = "; ".join(f"{column.label}: {column.report.split}" for column in columns)
        reasons.append(f"not comparable: different splits ({details}); choose one with --split")
    return reasons
