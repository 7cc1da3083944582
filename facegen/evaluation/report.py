"""Report of an evaluation, as JSON and as Markdown."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from facegen.core.errors import CheckpointError
from facegen.core.evidence import Figure
from facegen.core.files import write_file
from facegen.core.recipe.tables import EvaluationSplit
from facegen.core.text.json_text import finite, json_text


@dataclass(frozen=True)
class Picture:
    """Picture of an evaluation.

    Attributes:
        name: what it shows, in one word: its file's name without ending.
        caption: what is to be seen, and how it was made.
        file: of the PNG, WebP or SVG, from the folder of the report's table.
    """

    name: str
    caption: str
    file: str


@dataclass(frozen=True)
class Report:
    """Figures of a run on one split, and everything they depend on.

    Attributes:
        run: name of its folder.
        step: of the checkpoint that drew; None in a run that only matches.
        corpus: the rows come from.
        split, seed: of the rows, and of every redraw.
        judge: in words.
        judge_key, corpus_key: the same for the same judge, "" where a run judged itself; and for the same people.
        max_clips: how many rows were asked for.
        num_clips, num_people, num_noises: how many rows, people, generated faces a row.
        figures: by metric.
        table, picture: where they were written; no picture without a generator.
        pictures: further ones.
        weights_hash: of the weights that drew, or in a run that only matches, matched.
        people: of the rows, and their relation to the run, in words.
        notes: what a reader must know beside every figure.
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

    def to_json(self) -> dict[str, Any]:
        """Return plain values; a number that is not finite is null, and the figure's note says why."""
        plain = {**asdict(self), "table": str(self.table), "picture": str(self.picture) if self.picture else None}
        plain["figures"] = {
            metric: [{**asdict(figure), "caveat": figure.caveat} for figure in figures]
            for metric, figures in self.figures.items()
        }
        plain["notes"] = list(self.notes)
        written: dict[str, Any] = finite(plain)
        return written

    @classmethod
    def read(cls, path: Path) -> "Report":
        """Read the JSON that `write` wrote.

        Raises:
            CheckpointError: it is damaged, or of another version of facegen.
        """
        try:
            return cls.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(f"{path}: is no report of this version of facegen: {error}") from None

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Report":
        """Invert `to_json`; ValueError, KeyError, TypeError or AttributeError if the values are not a report."""
        plain = dict(values)
        plain["figures"] = {
            metric: [_figure_from(each) for each in figures] for metric, figures in plain["figures"].items()
        }
        plain["table"] = Path(plain["table"])
        plain["picture"] = Path(plain["picture"]) if plain["picture"] else None
        plain["pictures"] = tuple(Picture(**each) for each in plain.get("pictures", ()))
        plain["notes"] = tuple(plain.get("notes", ()))
        return cls(**plain)

    @property
    def name(self) -> str:
        """Name among the reports of the run: the split, after the corpus if that is not the run's own."""
        return self.table.stem

    @property
    def heading(self) -> str:
        """One line that describes what was evaluated."""
        step = "" if self.step is None else f", step {self.step}"
        return f"{self.run}{step}: {self.num_clips} clips of {self.num_people} people, {self.split} of {self.corpus}"

    def to_markdown(self) -> str:
        """Format a table."""
        lines = [f"# {self.heading}", "", f"Judge: {self.judge}. Intervals: 95%, people resampled.", ""]
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


def _figure_from(values: Mapping[str, Any]) -> Figure:
    kept = {key: value for key, value in values.items() if key != "caveat"}
    return Figure(**kept | ({"value": math.nan} if kept["value"] is None else {}))


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
