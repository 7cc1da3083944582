"""Tables of the page on performance, from the results."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.harness import Comparison, Measurement, Row, from_json, quartiles

BEGIN, END = "<!-- written by `make bench` -->", "<!-- end of what `make bench` writes -->"
UNITS = ((1.0, "s", 1.0), (1e-3, "ms", 1e3), (0.0, "µs", 1e6))
"""(least seconds, unit, units per second)."""


def rewrite(page: Path, results: Mapping[str, Any]) -> None:
    """Replace the tables of a page, between its two marks.

    Raises:
        ValueError: the page has not both marks.
    """
    replace_between(page, BEGIN, END, render(results))


def replace_between(page: Path, begin: str, end: str, content: str) -> None:
    """Replace what stands between two marks of a page.

    Raises:
        ValueError: the page has not both marks.
    """
    text = page.read_text(encoding="utf-8")
    before, first, rest = text.partition(begin)
    _, last, after = rest.partition(end)
    if not (first and last):
        raise ValueError(f"{page}: holds not both of {begin} and {end}, between which the tables stand")
    page.write_text(f"{before}{begin}\n\n{content}\n{end}{after}", encoding="utf-8")


def render(results: Mapping[str, Any]) -> str:
    """Render all results: a summary of the goals, then a section for each benchmark."""
    rows = {name: [from_json(row) for row in entry["rows"]] for name, entry in results.items()}
    sections = [goals_table(results, rows), machines(results)]
    for name, entry in results.items():
        sections.append(f"## {entry['title']}\n\n{entry['text']}\n\n{tables(rows[name])}")
    return "\n\n".join(sections) + "\n"


def goals_table(results: Mapping[str, Any], rows: Mapping[str, Sequence[Row]]) -> str:
    """Render every row that has a goal."""
    lines = [
        [results[name]["title"], row.case, measured(row), goal_of(row), "yes" if row.reached else "**no**"]
        for name, listed in rows.items()
        for row in listed
        if row.goal is not None
    ]
    return "## Goals\n\n" + table(("benchmark", "case", "measured", "goal", "reached"), lines)


def machines(results: Mapping[str, Any]) -> str:
    """Render dates and machines, each once."""
    names: dict[tuple[str, ...], list[str]] = {}
    for entry in results.values():
        machine = entry["machine"]
        described = (entry["date"], *(machine[key] for key in ("processor", "cores", "system", "versions")))
        names.setdefault(described, []).append(f"{entry['title']} ({machine['load']})")
    columns = ("date", "processor", "cores", "system", "versions", "benchmarks (load of the machine before)")
    return table(columns, [[*described, ", ".join(titles)] for described, titles in names.items()])


def tables(rows: Sequence[Row]) -> str:
    """Render comparisons and measurements of a benchmark, each kind in a table."""
    both = [row for row in rows if isinstance(row, Comparison)]
    single = [row for row in rows if isinstance(row, Measurement)]
    rendered = []
    if both:
        columns = ("case", "against", "its time", "ours", "ratio", "goal", "reached", "")
        rendered.append(table(columns, [comparison_cells(row) for row in both]))
    if single:
        columns = ("case", "measured", "goal", "reached", "")
        rendered.append(table(columns, [measurement_cells(row) for row in single]))
    return "\n\n".join(rendered)


def comparison_cells(row: Comparison) -> list[str]:
    """Return the cells of a comparison."""
    times = [with_spread(values) for values in (row.baseline, row.ours)]
    return [row.case, row.baseline_name, *times, measured(row), goal_of(row), reached(row), row.note]


def measurement_cells(row: Measurement) -> list[str]:
    """Return the cells of a measurement."""
    return [row.case, measured(row), goal_of(row), reached(row), row.note]


def measured(row: Row) -> str:
    """Return the median with the quartiles of the rounds: of the ratios, or of the values."""
    if isinstance(row, Comparison):
        low, high = quartiles(row.ratios)
        return spread(f"{row.ratio:.2f}", f"{low:.2f}", f"{high:.2f}") + "x"
    low, high = quartiles(row.values)
    return f"{spread(number(row.value), number(low), number(high))} {row.unit}"


def goal_of(row: Row) -> str:
    """Return the goal in words; empty without one."""
    if row.goal is None:
        return ""
    if isinstance(row, Comparison):
        return f"{row.goal:g}x"
    return f"at {'most' if row.better == 'lower' else 'least'} {row.goal:g} {row.unit}"


def reached(row: Row) -> str:
    """Return whether a row reaches its goal; empty without one."""
    return "" if row.reached is None else "yes" if row.reached else "**no**"


def with_spread(seconds: Sequence[float]) -> str:
    """Return the median of times with its quartiles, in a unit that fits the median."""
    middle, (low, high) = median(seconds), quartiles(seconds)
    _, unit, factor = next(entry for entry in UNITS if middle >= entry[0])
    return f"{spread(*(number(value * factor) for value in (middle, low, high)))} {unit}"


def spread(middle: str, low: str, high: str) -> str:
    """Join a median and its quartiles; the median alone where they are the same."""
    return middle if low == middle == high else f"{middle} ({low} to {high})"


def number(value: float) -> str:
    """Return a number with three digits, and without an exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(columns: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Render a Markdown table."""
    rendered = [f"| {' | '.join(cells)} |" for cells in (columns, *lines)]
    return "\n".join([rendered[0], "|" + "---|" * len(columns), *rendered[1:]])
