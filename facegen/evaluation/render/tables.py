"""Tables of figures for the HTML page: texts of cells, and bars of intervals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from facegen.core.evidence import Figure
from facegen.evaluation.figures import by_key
from facegen.evaluation.report import Report, number

_WIDTH, _HEIGHT, _MARGIN = 112, 12, 3


@dataclass(frozen=True)
class Bar:
    """Positions of a value, its interval and its chance level on an axis.

    Attributes:
        value, low, high, chance: horizontal positions; None without an interval or a chance level.
        label: description of value and axis.
        width, height: size of the bar.
        left, right: horizontal positions of the ends of the axis.
        middle: vertical position of the axis.
    """

    value: float
    low: float | None
    high: float | None
    chance: float | None
    label: str
    width: int = _WIDTH
    height: int = _HEIGHT
    left: int = _MARGIN
    right: int = _WIDTH - _MARGIN
    middle: float = _HEIGHT / 2


@dataclass(frozen=True)
class FigureCell:
    """Figure of one report: its value, a bar, a text with interval and chance level, and a note."""

    value: str = ""
    bar: Bar | None = None
    details: str = ""
    note: str = ""


@dataclass(frozen=True)
class FigureRow:
    """Figure of several reports, with a comment that applies to all of them."""

    label: str
    comment: str
    cells: Sequence[FigureCell]


@dataclass(frozen=True)
class FigureTable:
    """One row per figure, one column per report.

    Attributes:
        columns: names of the reports.
        rows: figures with a number in at least one report.
        missing: label and reasons of the other figures.
    """

    columns: Sequence[str]
    rows: Sequence[FigureRow]
    missing: Sequence[tuple[str, str]]


def figure_table(keys: Sequence[str], reports: Sequence[Report]) -> FigureTable:
    """Arrange the figures of these keys."""
    by_report = [by_key(report) for report in reports]
    rows, missing = [], []
    for key in keys:
        figures = [figures.get(key) for figures in by_report]
        known = [figure for figure in figures if figure is not None]
        if any(math.isfinite(figure.value) for figure in known):
            rows.append(_row(figures, known))
        else:
            reasons = dict.fromkeys(figure.note for figure in known)
            missing.append((known[0].label, "; ".join(reasons)))
    return FigureTable([report.name for report in reports], rows, missing)


def _row(figures: Sequence[Figure | None], known: Sequence[Figure]) -> FigureRow:
    notes = {None if figure is None else figure.remarks for figure in figures}
    shared = known[0].remarks if len(notes) == 1 else ""
    better = next((figure.better for figure in known if figure.better), None)
    comment = "; ".join(filter(None, (f"{better} is better" if better else "", shared)))
    lowest = -1.0 if any(value < 0 for figure in known for value in _values(figure)) else 0.0
    return FigureRow(known[0].label, comment, [_cell(figure, shared, lowest) for figure in figures])


def _cell(figure: Figure | None, shared_note: str, lowest: float) -> FigureCell:
    if figure is None:
        return FigureCell()
    note = "" if figure.remarks == shared_note else figure.remarks
    if not math.isfinite(figure.value):
        return FigureCell("-", note=note)
    value = number(figure.value) + ("" if figure.deviation is None else f" ± {number(figure.deviation)}")
    details = []
    if figure.low is not None and figure.high is not None:
        details.append(f"{number(figure.low)} to {number(figure.high)}")
    elif figure.deviation is None:
        details.append("no interval")
    if figure.chance is not None:
        details.append(f"chance {number(figure.chance)}")
    return FigureCell(value, bar_of(figure, lowest), ", ".join(details), note)


def _values(figure: Figure) -> list[float]:
    return [value for value in (figure.value, figure.low, figure.high, figure.chance) if value is not None]


def bar_of(figure: Figure, lowest: float) -> Bar | None:
    """Place a figure on an axis from `lowest` to 1; None if a number is outside, or there is only one number."""
    values = _values(figure)
    if len(values) < 2 or min(values) < lowest or max(values) > 1:
        return None

    def place(value: float | None) -> float | None:
        if value is None:
            return None
        return round(_MARGIN + (value - lowest) / (1 - lowest) * (_WIDTH - 2 * _MARGIN), 1)

    has_interval = figure.low is not None and figure.high is not None
    low, high = (figure.low, figure.high) if has_interval else (None, None)
    label = f"{number(figure.value)} on an axis from {lowest:.0f} to 1"
    return Bar(place(figure.value) or 0.0, place(low), place(high), place(figure.chance), label)
