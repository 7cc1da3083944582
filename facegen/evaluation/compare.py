"""Runs side by side: their reports, made where there are none, and why they might not compare."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from facegen.core.errors import CheckpointError
from facegen.core.observer import Observer
from facegen.core.tables import Split
from facegen.evaluation.evaluate import evaluate
from facegen.evaluation.report import Report
from facegen.training.loop import Interruption
from facegen.training.run import Run


@dataclass(frozen=True)
class Column:
    """A run, and what an evaluation on one split found of it.

    Attributes:
        run: the run.
        report: what was found.
        name: of the run among others.
        label: the same, and the split where a run has several.
    """

    run: Run
    report: Report
    name: str
    label: str

    @property
    def recipe(self) -> str:
        """Name of the recipe that it was trained by."""
        return self.run.recipe.run.name


def columns_of(
    paths: Sequence[Path],
    splits: Sequence[Split],
    num_clips: int | None,
    observer: Observer,
    interruption: Interruption,
) -> list[Column]:
    """Every run on every split; what was not evaluated since it was last trained is evaluated now.

    Args:
        paths: the run folders.
        splits: where the rows come from; of each run's own recipe if there are none.
        num_clips: at most this many rows; of each run's own recipe by default.
        observer, interruption: of the evaluations.
    Raises:
        FacegenError: a run cannot be evaluated.
        Interrupted: a judge's training was stopped.
    """
    runs = [Run.open(path) for path in paths]
    names = _names(paths)
    columns = []
    for run, name in zip(runs, names, strict=True):
        for split in splits or [run.recipe.evaluate.split]:
            report = _report(run, split, num_clips or run.recipe.evaluate.num_clips, observer, interruption)
            label = f"{name}, {split}" if len(splits) > 1 else name
            columns.append(Column(run, report, name, label))
    return columns


def _report(run: Run, split: Split, num_clips: int, observer: Observer, interruption: Interruption) -> Report:
    path = run.path / "evaluation" / f"{split}.json"
    if path.exists() and path.stat().st_mtime >= _trained_at(run):
        try:
            report = Report.read(path)
        except CheckpointError as error:
            observer.say(f"{error}; evaluating again")
        else:
            asked = [choice.name for choice in run.recipe.choices["metric"]]
            if report.max_clips == num_clips and list(report.figures) == asked:
                return report
    observer.say(f"evaluating {run.path} on {split}")
    overrides = {"split": split, "num_clips": num_clips}
    return evaluate(run.path, overrides=overrides, observer=observer, interruption=interruption)


def _trained_at(run: Run) -> float:
    return max((folder.stat().st_mtime for folder in (run.path / "checkpoints").glob("*")), default=0.0)


def _names(paths: Sequence[Path]) -> list[str]:
    """Folders' names, with as many of those above as tell them apart."""
    whole = [path.resolve() for path in paths]
    depth = 1
    while len({path.parts[-depth:] for path in whole}) < len(set(whole)):
        depth += 1
    return ["/".join(path.parts[-depth:]) for path in whole]


def obstacles(columns: Sequence[Column]) -> list[str]:
    """Why the columns' numbers do not compare; nothing where they do."""
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
        splits.setdefault(column.run.path, set()).add(column.report.split)
    if len({frozenset(each) for each in splits.values()}) > 1:
        said = "; ".join(f"{column.label}: {column.report.split}" for column in columns)
        found.append(f"not comparable: different splits ({said}); choose one with --split")
    return found
