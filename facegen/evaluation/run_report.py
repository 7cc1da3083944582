"""Collected evaluation results of a run, on all splits."""

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from facegen import __version__
from facegen.core.errors import CheckpointError
from facegen.core.progress import Observer
from facegen.core.readable_files import real_path
from facegen.evaluation.evaluation_folder import evaluation_folder
from facegen.evaluation.render.plots import draw_curves
from facegen.evaluation.report import Picture, Report, read_report_json
from facegen.evaluation.verdicts.generalisation import Gap, find_gaps, obstacle, own_splits
from facegen.evaluation.verdicts.verdict import Verdict
from facegen.evaluation.verdicts.verdicts import verdicts
from facegen.evaluation.weights import weights_hash
from facegen.training.runs.run import Run

FORMAT = 1
NAME = "report"
"""Stem of the files report.json, report.md and report.html in RUN/evaluation."""
_NOT_DRAWN = ("steps_per_second",)
_NOUNS = {"match": "match stage", "train": "training", "monitor": "monitor"}


@dataclass(frozen=True)
class RunReport:
    """Reports of a run, with gaps, verdicts and training curves.

    Attributes:
        run: name of the run's folder.
        recipe: name of its recipe.
        facegen: version of facegen that wrote the report.
        folder: folder of the reports and their pictures.
        reports: the run's own splits first, from known to unseen.
        gaps: gaps between the run's own splits.
        verdicts: {name of a report: its verdicts}.
        curves: plots of the training log.
        notes: warnings that apply to the whole report.
    """

    run: str
    recipe: str
    facegen: str
    folder: Path
    reports: Sequence[Report]
    gaps: Sequence[Gap]
    verdicts: Mapping[str, Sequence[Verdict]]
    curves: Sequence[Picture]
    notes: Sequence[str]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "format": FORMAT,
            "run": self.run,
            "recipe": self.recipe,
            "facegen": self.facegen,
            "evaluations": {report.name: report.to_json() for report in self.reports},
            "gaps": [
                {name: getattr(gap, name) for name in ("key", "label", "known", "unseen", "value", "low", "high")}
                for gap in self.gaps
            ],
            "verdicts": {name: [asdict(verdict) for verdict in items] for name, items in self.verdicts.items()},
            "curves": [asdict(picture) for picture in self.curves],
            "notes": list(self.notes),
        }


def read_reports(path: Path) -> tuple[str, list[Report]]:
    """Read the recipe's name and the reports of a report.json, or the report of one split with an empty name.

    Raises:
        CheckpointError: the file is damaged, or of another version of facegen.
    """
    try:
        values = read_report_json(path)
        if "evaluations" not in values:
            return "", [Report.from_json(values)]
        if values["format"] != FORMAT:
            raise ValueError(f"its format is {values['format']}, and this version reads {FORMAT}")
        return str(values["recipe"]), [Report.from_json(report) for report in values["evaluations"].values()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(
            f"{path}: is not a report of this version of facegen ({error}); evaluate the run again"
        ) from None


def collect(run: Run, observer: Observer, folder: Path | None = None) -> RunReport:
    """Read the reports of a run, and plot its training log.

    Args:
        run: the run.
        observer: receives warnings.
        folder: of the reports; that of the run by default.

    Raises:
        CheckpointError: there are no reports.
    """
    folder = evaluation_folder(run.path) if folder is None else folder
    reports = []
    for path in sorted(folder.glob("*.json")):
        if path.stem == NAME:
            continue
        try:
            reports.append(Report.read(path))
        except CheckpointError as error:
            observer.warn(f"{error}; it is left out of the report")
    if not reports:
        raise CheckpointError(f"{run.path}: has no evaluation; run `facegen evaluate {run.path}` first")
    own = own_splits(reports)
    ordered = [*own, *(report for report in reports if report not in own)]
    return RunReport(
        run=real_path(run.path).name,
        recipe=run.recipe.run.name,
        facegen=__version__,
        folder=folder,
        reports=ordered,
        gaps=find_gaps(reports),
        verdicts={report.name: items for report in ordered if (items := _verdicts(report, own))},
        curves=draw_log(run.read_log(), folder / "curves"),
        notes=_notes(run, reports, own),
    )


def _verdicts(report: Report, own: Sequence[Report]) -> list[Verdict]:
    """Derive the verdicts of a report; a split of the run's own corpus is compared with the best known split."""
    known = own[0] if report in own[1:] and not obstacle(own[0], report) else None
    return verdicts(report, known)


def _notes(run: Run, reports: Sequence[Report], own: Sequence[Report]) -> list[str]:
    notes = [reason for one, other in pairwise(own) if (reason := obstacle(one, other))]
    notes += [f"{report.name}: {note}" for report in reports for note in report.notes]
    notes += [f"the networks started from those of {run.start.source}, step {run.start.step}"] if run.start else []
    notes += [f"changed when the run was resumed, from {change}" for change in run.changes]
    newest = run.newest("train")
    if newest is None:
        return notes
    weights = weights_hash(run)
    for report in reports:
        if report.step is None:
            continue
        if report.step != newest[1]:
            notes.append(f"{report.name} was evaluated at step {report.step}, and the run is now at step {newest[1]}")
        elif report.weights_hash != weights:
            notes.append(
                f"{report.name} was evaluated with other weights of step {report.step} than the run's present ones"
            )
    return notes


def draw_log(entries: Sequence[Mapping[str, Any]], folder: Path) -> list[Picture]:
    """Plot each group of measures of a training log."""
    groups: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for entry in entries:
        stage = str(entry.get("stage", ""))
        for key, logged in entry.items():
            value = math.nan if logged is None else logged
            if key in ("stage", "step", *_NOT_DRAWN) or not isinstance(value, int | float) or isinstance(value, bool):
                continue
            first, _, rest = key.partition("/")
            network = first if rest and first in ("discriminator", "generator") else ""
            title = ": ".join(filter(None, (_NOUNS.get(stage, stage), network)))
            points = groups.setdefault(title, {}).setdefault(rest if network else key, [])
            is_finite = abs(value) <= sys.float_info.max  # also of an integer beyond the range of floats
            points.append((float(entry["step"]), float(value) if is_finite else math.nan))
    pictures = []
    for number, (title, curves) in enumerate(groups.items(), 1):
        arrays = {name: np.array(points, dtype=np.float64) for name, points in curves.items()}
        file = f"{number:02d}.svg"
        draw_curves({name: (points[:, 0], points[:, 1]) for name, points in arrays.items()}, title, folder / file)
        pictures.append(Picture(Path(file).stem, f"{title}: {', '.join(curves)}", f"{folder.name}/{file}"))
    return pictures
