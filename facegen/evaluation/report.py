"""Report of an evaluation, as JSON and as Markdown."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from facegen.core.errors import CheckpointError
from facegen.core.evidence import Figure
from facegen.core.files import write_file
from facegen.core.recipe.tables import EvaluationSplit
from facegen.core.text.json_text import finite, json_text
from facegen.evaluation.verdicts.verdicts import verdicts
from facegen.training.runs.formats import read_bounded

_FINGERPRINT_CHARACTERS = 8
MAX_REPORT_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Picture:
    """Picture of an evaluation.

    Attributes:
        name: stem of the file name.
        caption: content of the picture, and how it was made.
        file: path of the PNG, WebP or SVG, relative to the folder of the report's table.
    """

    name: str
    caption: str
    file: str


@dataclass(frozen=True)
class Report:
    """Figures of a run on one split, and everything they depend on.

    Attributes:
        run: name of the run's folder.
        step: step of the checkpoint that drew the faces; None for a run that only matches.
        corpus: name of the corpus.
        split: split of the corpus.
        seed: random seed of the rows and of every redraw.
        judge: description of the judge.
        judge_key: equal for equal judges; "" for a run that only matches, and judged itself.
        corpus_key: equal for equal people, clips and folds.
        max_clips: requested number of rows.
        num_clips, num_people: number of rows and of people.
        num_noises: number of generated faces per row under shared noises.
        figures: {metric: its figures}.
        table: the Markdown file; the JSON file has the same stem.
        picture: the grid of faces; None for a run that only matches.
        pictures: further pictures.
        weights_hash: hash of the weights that drew the faces, or that matched in a run that only matches.
        people: description of the people and their relation to the run.
        notes: warnings that apply to every figure.
        baselines: {name of another run: hash of its weights} of the runs that it was compared with.
        self_judged: True if the judge is the match stage that the run's generator was trained with.
    """

    run: str
    step: int | None
    corpus: str
    split: EvaluationSplit
    seed: int
    judge: str
    judge_key: str
    corpus_key: str
    max_clips: int
    num_clips: int
    num_people: int
    num_noises: int
    figures: Mapping[str, Sequence[Figure]]
    table: Path
    picture: Path | None
    pictures: Sequence[Picture] = ()
    weights_hash: str = ""
    people: str = ""
    notes: Sequence[str] = ()
    baselines: Mapping[str, str] = field(default_factory=dict)
    self_judged: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return plain values; a number that is not finite is null, and the figure's note says why."""
        plain = {**asdict(self), "table": str(self.table), "picture": str(self.picture) if self.picture else None}
        plain["figures"] = {
            metric: [{**asdict(figure), "caveat": figure.caveat} for figure in figures]
            for metric, figures in self.figures.items()
        }
        plain["notes"] = list(self.notes)
        finite_values: dict[str, Any] = finite(plain)
        return finite_values

    @classmethod
    def read(cls, path: Path) -> "Report":
        """Read the JSON that `write` wrote.

        Raises:
            CheckpointError: the file is damaged, or of another version of facegen.
        """
        try:
            return cls.from_json(read_report_json(path))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise CheckpointError(
                f"{path}: is not a report of this version of facegen ({error}); evaluate the run again"
            ) from None

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Report":
        """Invert `to_json`; ValueError, KeyError, TypeError or AttributeError if the values are not a report."""
        plain = dict(values)
        plain["table"] = Path(plain["table"])
        plain["picture"] = Path(plain["picture"]) if plain["picture"] else None
        plain["notes"] = tuple(plain.get("notes", ()))
        figures = {
            metric: [_figure_values(figure) for figure in figures] for metric, figures in plain["figures"].items()
        }
        pictures = tuple(Picture(**picture) for picture in plain.get("pictures", ()))
        for figure in (figure for of_metric in figures.values() for figure in of_metric):
            Figure(**figure)  # refuses unknown keys, which pydantic would ignore
        cls(**plain)
        report: Report = _schema().validate_python(
            {**plain, "figures": figures, "pictures": tuple(asdict(picture) for picture in pictures)}
        )
        return report

    @property
    def name(self) -> str:
        """Name among the reports of the run: the split, after the corpus if that is not the run's own."""
        return self.table.stem

    @property
    def heading(self) -> str:
        """One line that describes what was evaluated."""
        step = "" if self.step is None else f", step {self.step}"
        rows = f"{self.num_clips} clips of {self.num_people} people, {self.split} of {self.corpus}"
        return f"{self.run}{step}: {rows}{', self-judged' if self.self_judged else ''}"

    def to_markdown(self) -> str:
        """Format as Markdown: verdicts, then a table of all figures."""
        lines = [f"# {self.heading}", ""]
        lines += [f"- **{verdict.kind}** ({verdict.severity}): {verdict.sentence}" for verdict in verdicts(self)]
        lines += [""] if lines[-1] else []
        lines += [f"Judge: {self.judge}. Intervals: 95%, people resampled.", ""]
        lines += [line for note in self.notes for line in (f"Note: {note}.", "")]
        lines += ["| figure | value | 95% interval | chance | note |", "|---|---|---|---|---|"]
        for figures in self.figures.values():
            for figure in figures:
                cells = [figure.label, *cells_of(figure), figure.remarks]
                lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
        return "\n".join(lines) + "\n"

    def write(self) -> None:
        """Write the table as Markdown and JSON."""
        self.table.parent.mkdir(parents=True, exist_ok=True)
        write_file(self.table, self.to_markdown())
        write_file(self.table.with_suffix(".json"), json_text(self.to_json(), indent=1) + "\n")


def read_report_json(path: Path) -> dict[str, Any]:
    """Read the values of a JSON file of reports.

    Raises:
        OSError, ValueError, RecursionError: it is no file, too large, or no JSON object.
    """
    values = json.loads(read_bounded(path, MAX_REPORT_BYTES))
    if not isinstance(values, dict):
        raise ValueError("holds no table of values")
    return values


@cache
def _schema() -> TypeAdapter[Report]:
    """Return the schema of a report's values: the types of the class."""
    return TypeAdapter(Report)


def report_name(folder: Path, split: str, key: str, corpus: str | None) -> str:
    """Name a report among those of a run: the split, after the corpus if that is not the run's own.

    If the folder holds a report of another corpus with the same folder name, a fingerprint tells the two apart.

    Args:
        folder: folder of the reports.
        split: split of the corpus, with a suffix for a special judge.
        key: `corpus_key` of the report.
        corpus: name of the corpus; None for the run's own.
    """
    if corpus is None:
        return split
    name = f"{corpus}-{split}"
    try:
        is_taken = Report.read(folder / f"{name}.json").corpus_key != key
    except CheckpointError:
        is_taken = False  # there is no report, or none that can be read
    return f"{corpus}-{key[:_FINGERPRINT_CHARACTERS]}-{split}" if is_taken else name


def _figure_values(values: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in values.items() if key != "caveat"}
    return kept | ({"value": math.nan} if kept["value"] is None else {})


def cells_of(figure: Figure) -> tuple[str, str, str]:
    """Format value, interval and chance of a figure; the interval is "none" if it is unknown."""
    value = number(figure.value) if math.isfinite(figure.value) else "-"
    value = value if figure.deviation is None else f"{value} ± {number(figure.deviation)}"
    known = figure.low is not None and figure.high is not None
    absent = "none" if math.isfinite(figure.value) and figure.deviation is None else ""
    interval = f"{number(figure.low or 0.0)} to {number(figure.high or 0.0)}" if known else absent
    return value, interval, "" if figure.chance is None else number(figure.chance)


def number(value: float) -> str:
    """Format with three decimals, or with three digits if the number is small or large."""
    return f"{value:.3f}" if value == 0 or 0.01 <= abs(value) < 100 else f"{value:.3g}"
