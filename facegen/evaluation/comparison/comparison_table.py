"""Tables of text and figures, as Markdown, CSV and JSON."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from facegen.core.evidence import Figure
from facegen.core.text.json_text import finite
from facegen.evaluation.report import number

Mark = Literal["", "best", "~"]


@dataclass(frozen=True)
class Cell:
    """Cell of a table.

    Attributes:
        text: its text.
        figure: the figure that it shows; None for text.
        mark: "best" for the best of a row, "~" for one not distinguishable from the best.
    """

    text: str
    figure: Figure | None = None
    mark: Mark = ""

    @classmethod
    def of(cls, figure: Figure | None, mark: Mark = "") -> "Cell":
        """Make a cell of a figure with its interval or deviation; a dash if there is none."""
        if figure is None or not math.isfinite(figure.value):
            return cls("-", figure)
        text = number(figure.value)
        if figure.deviation is not None:
            text += f" ± {number(figure.deviation)}"
        elif figure.low is not None and figure.high is not None:
            text += f" ({number(figure.low)} to {number(figure.high)})"
        if figure.caveat:
            text += f", {figure.num_people} people" if figure.num_people != 1 else ", 1 person"
        return cls(text, figure, mark)

    def to_json(self) -> Any:
        """Return the figure as plain values, or the text."""
        if self.figure is None:
            return self.text
        names = ("key", "value", "low", "high", "deviation", "note", "num_people", "caveat")
        return {**{name: finite(getattr(self.figure, name)) for name in names}, "mark": self.mark}


@dataclass(frozen=True)
class ComparisonTable:
    """Table of text and figures.

    Attributes:
        title: title of the table.
        head: heads of the columns.
        rows: rows with one cell per column.
        notes: sentences printed below the table.
    """

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()

    def to_markdown(self) -> str:
        """Format as Markdown; the best of a row is bold."""
        lines = [f"## {self.title}", "", _line(self.head), _line(["---"] * len(self.head))]
        lines += [_line([_marked(cell) for cell in row]) for row in self.rows]
        if self.notes:
            lines += ["", *(f"- {note}" for note in self.notes)]
        return "\n".join(lines) + "\n"

    def to_csv(self) -> str:
        """Format as CSV, without marks and notes, so that every line has the same fields."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.head)
        writer.writerows([cell.text for cell in row] for row in self.rows)
        return text.getvalue()

    def to_json(self) -> dict[str, Any]:
        """Return plain values; a row of one figure begins with its key."""
        rows = []
        for row in self.rows:
            keys = {cell.figure.key for cell in row if cell.figure is not None}
            begin = {"key": keys.pop()} if len(keys) == 1 else {}
            rows.append(begin | {name: cell.to_json() for name, cell in zip(self.head, row, strict=True)})
        return {"title": self.title, "rows": rows, "notes": list(self.notes)}


def _marked(cell: Cell) -> str:
    return {"": cell.text, "best": f"**{cell.text}**", "~": f"~ {cell.text}"}[cell.mark]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
