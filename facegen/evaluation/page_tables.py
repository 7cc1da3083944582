"""Tables of a report as HTML: figures with bars of their intervals, and gaps between splits."""

import math
from collections.abc import Sequence
from html import escape

from facegen.core.evidence import Figure
from facegen.evaluation.generalisation import Gap
from facegen.evaluation.report import Report, number

_WIDTH, _HEIGHT = 112.0, 12.0


def figures_table(names: Sequence[str], reports: Sequence[Report]) -> str:
    """One row a figure, one column a report; figures that nobody has are listed below."""
    found = [{figure.name: figure for figures in each.figures.values() for figure in figures} for each in reports]
    rows, missing = [], []
    for name in names:
        figures = [each.get(name) for each in found]
        if any(figure is not None and math.isfinite(figure.value) for figure in figures):
            rows.append(_row(name, figures))
        else:
            reasons = dict.fromkeys(figure.note for figure in figures if figure is not None)
            missing.append(f"<li>{escape(name)}: <small>{escape('; '.join(reasons))}</small></li>")
    table = ""
    if rows:
        head = "".join(f"<th>{escape(each.name)}</th>" for each in reports)
        table = f'<div class="wide"><table><tr><th>figure</th>{head}</tr>{"".join(rows)}</table></div>'
    if missing:
        table += f"<details><summary>{len(missing)} not available</summary><ul>{''.join(missing)}</ul></details>"
    return table


def _row(name: str, figures: Sequence[Figure | None]) -> str:
    known = [figure for figure in figures if figure is not None]
    notes = list(dict.fromkeys(figure.remarks for figure in known if figure.remarks))
    shared = notes[0] if len(notes) == 1 and len(known) == len(figures) else ""
    better = next((figure.better for figure in known if figure.better), None)
    said = "; ".join(filter(None, (f"{better} is better" if better else "", shared)))
    lowest = -1.0 if any(place < 0 for figure in known for place in _places(figure)) else 0.0
    cells = "".join(f'<td class="number">{_cell(figure, shared, lowest)}</td>' for figure in figures)
    return f"<tr><td>{escape(name)}<small>{escape(said)}</small></td>{cells}</tr>"


def _cell(figure: Figure | None, skip: str, lowest: float) -> str:
    if figure is None:
        return ""
    remarks = figure.remarks
    note = f'<small class="note">{escape(remarks)}</small>' if remarks and remarks != skip else ""
    if not math.isfinite(figure.value):
        return f"-{note}"
    value = number(figure.value) + ("" if figure.deviation is None else f" ± {number(figure.deviation)}")
    said = []
    if figure.low is not None and figure.high is not None:
        said.append(f"{number(figure.low)} to {number(figure.high)}")
    elif figure.deviation is None:
        said.append("no interval")
    if figure.chance is not None:
        said.append(f"chance {number(figure.chance)}")
    return f"{value}{bar(figure, lowest)}<small>{', '.join(said)}</small>{note}"


def _places(figure: Figure) -> list[float]:
    return [value for value in (figure.value, figure.low, figure.high, figure.chance) if value is not None]


def bar(figure: Figure, lowest: float) -> str:
    """Value, interval and chance on an axis from `lowest` to 1; nothing where they do not fit on it."""
    places = _places(figure)
    if len(places) < 2 or min(places) < lowest or max(places) > 1:
        return ""

    def place(value: float) -> str:
        return f"{3 + (value - lowest) / (1 - lowest) * (_WIDTH - 6):.1f}"

    middle = f"{_HEIGHT / 2:.1f}"
    lines = [f'<line class="axis" x1="3" y1="{middle}" x2="{_WIDTH - 3:.0f}" y2="{middle}"/>']
    if figure.low is not None and figure.high is not None:
        lines.append(
            f'<line class="range" x1="{place(figure.low)}" y1="{middle}" x2="{place(figure.high)}" y2="{middle}"/>'
        )
    if figure.chance is not None:
        at = place(figure.chance)
        lines.append(f'<line class="chance" x1="{at}" y1="0" x2="{at}" y2="{_HEIGHT:.0f}"/>')
    lines.append(f'<circle class="value" cx="{place(figure.value)}" cy="{middle}" r="2.6"/>')
    label = f"{number(figure.value)} on an axis from {lowest:.0f} to 1"
    box = f"0 0 {_WIDTH:.0f} {_HEIGHT:.0f}"
    return f'<svg class="bar" viewBox="{box}" role="img" aria-label="{label}">{"".join(lines)}</svg>'


def gaps_table(gaps: Sequence[Gap]) -> str:
    """One row a figure and pair of splits."""
    rows = []
    for gap in gaps:
        difference = f"{number(gap.value)} <small>{number(gap.low)} to {number(gap.high)}</small>"
        shown = f'<span class="told">{difference}</span>' if gap.is_told else difference
        values = "".join(
            f'<td class="number">{number(figure.value)}<small>{number(figure.low or 0.0)} to '
            f"{number(figure.high or 0.0)}</small></td>"
            for figure in (gap.here, gap.there)
        )
        way = f"<small>{escape(gap.known)} less {escape(gap.unseen)}</small>"
        rows.append(f'<tr><td>{escape(gap.name)}{way}</td>{values}<td class="number">{shown}</td></tr>')
    head = "<tr><th>figure</th><th>known</th><th>unseen</th><th>gap</th></tr>"
    return f'<div class="wide"><table>{head}{"".join(rows)}</table></div>'
