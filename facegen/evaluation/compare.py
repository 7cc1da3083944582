"""Comparison of runs: read or make their reports, and check that they are comparable."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from facegen.core.errors import CheckpointError, DataError
from facegen.core.interruption import Interruption
from facegen.core.progress import Observer
from facegen.core.recipe.tables import EvaluationSplit
from facegen.evaluation.evaluate import evaluate
from facegen.evaluation.figures import metric_names
from facegen.evaluation.render.write import write_run_report
from facegen.evaluation.report import Report
from facegen.evaluation.run_report import read_reports
from facegen.evaluation.weights import weights_hash
from facegen.training.runs.run import Run


@dataclass(frozen=True)
class Column:
    """One run on one split, with its report.

    Attributes:
        place: where it was found: the run folder, or the JSON of a report.
        report: what was found.
        name: of the run among others.
        label: the same, and the split where a run has several.
        recipe: name of the recipe that it was trained by; "" where that is not known.
        run: the run; None where there is its report only.
    """

    place: Path
    report: Report
    name: str
    label: str
    recipe: str
    run: Run | None


@dataclass(frozen=True)
class _Found:
    """Content of one path that is compared."""

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
) -> list[Column]:
    """Collect a report of every run on every split; evaluate where the report is missing or of other weights.

    Args:
        paths: run folders, or JSON that evaluations wrote: report.json, or that of one split. JSON is taken as it is.
        splits: where the rows come from; if there are none, of each run's own recipe, and all that JSON holds.
        num_clips: at most this many rows; of each run's own recipe by default.
        observer, interruption: of the evaluations.
    Raises:
        FacegenError: a run cannot be evaluated, or JSON is no report or lacks a split.
        Interrupted: a judge's training was stopped.
    """
    found = [_written(path, splits) if path.is_file() else _standing(path) for path in paths]
    columns = []
    for each, name in zip(found, _names([each.place for each in found]), strict=True):
        reports = list(each.reports)
        if not reports and each.run is not None:
            own = each.run.recipe.evaluate
            reports = [
                _report(each.run, split, num_clips or own.num_clips, observer, interruption)
                for split in splits or [own.split]
            ]
        for report in reports:
            label = f"{name}, {report.name}" if len(reports) > 1 else name
            columns.append(Column(each.place, report, name, label, each.recipe, each.run))
    return columns


def _standing(path: Path) -> _Found:
    run = Run.open(path)
    return _Found(path, run.recipe.run.name, run, [])


def _written(path: Path, splits: Sequence[EvaluationSplit]) -> _Found:
    """Read the reports of a JSON file, and its run if the file is inside one."""
    recipe, reports = read_reports(path)
    missing = [split for split in splits if split not in {report.split for report in reports}]
    if missing:
        there = ", ".join(report.name for report in reports)
        raise DataError(f"{path}: holds no evaluation on {' and none on '.join(missing)}; it has {there}")
    folder = path.resolve().parents[1] if path.resolve().parent.name == "evaluation" else None
    run = Run.open(folder) if folder is not None and (folder / "run.json").is_file() else None
    chosen = [report for report in reports if not splits or report.split in splits]
    return _Found(folder or path, recipe if run is None else run.recipe.run.name, run, chosen)


def _report(run: Run, split: EvaluationSplit, num_clips: int, observer: Observer, interruption: Interruption) -> Report:
    path = run.path / "evaluation" / f"{split}.json"
    if path.exists():
        try:
            report = Report.read(path)
        except CheckpointError as error:
            observer.say(f"{error}; evaluating again")
        else:
            asked = metric_names(run.recipe.configs["metric"])
            is_complete = report.max_clips == num_clips and list(report.figures) == asked
            if is_complete and report.weights_hash == weights_hash(run):
                return report
    observer.say(f"evaluating {run.path} on {split}")
    overrides = {"split": split, "num_clips": num_clips}
    report = evaluate(run.path, overrides=overrides, observer=observer, interruption=interruption)
    write_run_report(run.path, observer)
    return report


def _names(paths: Sequence[Path]) -> list[str]:
    """Shorten paths to their last parts, as many as make them unique."""
    whole = [path.resolve().with_suffix("") if path.is_file() else path.resolve() for path in paths]
    depth = 1
    while len({path.parts[-depth:] for path in whole}) < len(set(whole)):
        depth += 1
    return ["/".join(path.parts[-depth:]) for path in whole]


def obstacles(columns: Sequence[Column]) -> list[str]:
    """List the reasons why columns are not comparable."""
    found = []
    corpora = {column.label: (column.report.corpus, column.report.corpus_key) for column in columns}
    judges = {column.label: (column.report.judge, column.report.judge_key) for column in columns}
    advice = {"corpora": "train them on one corpus", "judges": "give their recipes the same [data] and [judge]"}
    for what, seen in (("corpora", corpora), ("judges", judges)):
        if len({key for _, key in seen.values()}) > 1:
            said = "; ".join(f"{label}: {name} [{key[:6] or 'itself'}]" for label, (name, key) in seen.items())
            found.append(f"not comparable: different {what} ({said}); {advice[what]}")
    splits: dict[Path, set[str]] = {}
    for column in columns:
        splits.setdefault(column.place, set()).add(column.report.split)
    if len({frozenset(each) for each in splits.values()}) > 1:
        said = "; ".join(f"{column.label}: {column.report.split}" for column in columns)
        found.append(f"not comparable: different splits ({said}); choose one with --split")
    return found
