"""Tables of text and figures, as Markdown, LaTeX, CSV and JSON."""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from facegen.core.evidence import Figure
from facegen.core.text.json_text import finite
from facegen.evaluation.report import number

Mark = Literal["", "best", "~"]
_NUMBERS = ("value", "low", "high", "deviation")
_LATEX = {character: f"\\{character}" for character in "&%$#_{}"} | {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "<": "$<$",
    ">": "$>$",
}  # fmt: skip


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

    def to_latex(self) -> str:
        """Format as a table for the package booktabs; the best of a row is bold, and notes are comments."""
        lines = [
            rf"\begin{{tabular}}{{l{'r' * (len(self.head) - 1)}}}",
            r"\toprule",
            _latex_line(map(_latex, self.head)),
        ]
        lines += [r"\midrule", *(_latex_line(map(_latex_cell, row)) for row in self.rows)]
        lines += [r"\bottomrule", r"\end{tabular}"]
        comments = [f"% {' '.join(text.split())}" for text in (self.title, *self.notes)]
        return "\n".join([comments[0], *lines, *comments[1:]]) + "\n"

    def to_csv(self) -> str:
        """Format as CSV for programs: the key of a row's figures, and each figure as numbers with all digits.

        A column of figures is followed by those of its intervals and deviations, if it has any. Marks and notes are
        left out.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        parts = [
            [part for part in _NUMBERS if any(_number(row[place], part) for row in self.rows)]
            for place in range(len(self.head))
        ]
        keys = [_key(row) for row in self.rows]
        names = [
            [name, *(f"{name} {part}" for part in used if part != "value")]
            for name, used in zip(self.head, parts, strict=True)
        ]
        writer.writerow([*(["key"] if any(keys) else []), *(name for group in names for name in group)])
        for key, row in zip(keys, self.rows, strict=True):
            fields = [
                [_number(cell, part) for part in used]
                if cell.figure is not None
                else [cell.text, *[""] * (len(used) - 1)]
                for cell, used in zip(row, (used or ["value"] for used in parts), strict=True)
            ]
            writer.writerow([*([key] if any(keys) else []), *(field for group in fields for field in group)])
        return text.getvalue()

    def to_json(self) -> dict[str, Any]:
        """Return plain values; a row of one figure begins with its key."""
        rows = []
        for row in self.rows:
            begin = {"key": _key(row)} if _key(row) else {}
            rows.append(begin | {name: cell.to_json() for name, cell in zip(self.head, row, strict=True)})
        return {"title": self.title, "rows": rows, "notes": list(self.notes)}


def _marked(cell: Cell) -> str:
    return {"": cell.text, "best": f"**{cell.text}**", "~": f"~ {cell.text}"}[cell.mark]


def _key(row: Sequence[Cell]) -> str:
    """Return the key of the figures of a row; "" if it has none, or several."""
    keys = {cell.figure.key for cell in row if cell.figure is not None}
    return keys.pop() if len(keys) == 1 else ""


def _number(cell: Cell, part: str) -> str:
    """Return one number of a cell's figure with all digits; "" if there is none."""
    value = None if cell.figure is None else getattr(cell.figure, part)
    return "" if value is None or not math.isfinite(value) else repr(float(value))


def _latex_cell(cell: Cell) -> str:
    text = _latex(cell.text)
    return {"": text, "best": rf"\textbf{{{text}}}", "~": rf"$\sim$ {text}"}[cell.mark]


def _latex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


def _latex_line(cells: Iterable[str]) -> str:
    return rf"{' & '.join(cells)} \\"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
