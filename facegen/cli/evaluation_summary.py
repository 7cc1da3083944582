"""Evaluation in the terminal: verdicts, then figures."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from facegen.cli.console import console, styled

if TYPE_CHECKING:
    from facegen.core.evidence import Figure
    from facegen.evaluation.report import Report
    from facegen.evaluation.verdicts.verdict import Verdict

_STYLES = {"good": "green", "warning": "yellow", "bad": "bold red", "undecided": "dim"}


def show_report(report: "Report", verdicts: "Sequence[Verdict]", *, full: bool) -> None:
    """Print what was measured, the verdicts, and about ten figures or all of them."""
    console.print(styled((report.heading, "bold")), soft_wrap=True)
    console.print(f"Judge: {report.judge}. Intervals: 95%, people resampled.", soft_wrap=True)
    if report.people:
        console.print(f"People: {report.people}.", soft_wrap=True)
    _show_verdicts(report, verdicts)
    console.print()
    if full:
        _show_all(report)
    else:
        _show_headline(report)
    console.print(f"Table: {report.table}", soft_wrap=True)
    if report.picture is not None:
        console.print(f"Faces: {report.picture}", soft_wrap=True)


def _show_verdicts(report: "Report", verdicts: "Sequence[Verdict]") -> None:
    console.print()
    if not verdicts:
        reason = "the judge is not independent" if report.self_judged else "the figures that they need are missing"
        console.print(f"No verdicts: {reason}.", soft_wrap=True)
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for verdict in verdicts:
        table.add_row(styled((verdict.grade, _STYLES[verdict.grade])), verdict.sentence)
    console.print(table)


def _show_headline(report: "Report") -> None:
    from facegen.evaluation.verdicts.headline import headline_figures

    figures = headline_figures(report)
    table = _table()
    for figure in figures:
        table.add_row(*_cells(figure))
    console.print(table)
    for caveat in dict.fromkeys(figure.caveat for figure in figures if figure.caveat):
        labels = [figure.label for figure in figures if figure.caveat == caveat]
        console.print(f"Note: {caveat} ({', '.join(labels)}).", soft_wrap=True)
    num_all = sum(map(len, report.figures.values()))
    if num_all > len(figures):
        console.print(
            f"{len(figures)} of {num_all} figures; --full prints all, and this file has them:", soft_wrap=True
        )


def _show_all(report: "Report") -> None:
    table = _table()
    table.add_column("note", overflow="fold")
    for number, figures in enumerate(report.figures.values()):
        if number:
            table.add_section()
        for figure in figures:
            table.add_row(*_cells(figure), figure.remarks)
    console.print(table)


def _table() -> Table:
    table = Table("figure", box=None, pad_edge=False)
    for name in ("value", "95% interval", "chance"):
        table.add_column(name, justify="right")
    return table


def _cells(figure: "Figure") -> tuple[str, ...]:
    from facegen.evaluation.report import cells_of

    return (figure.label, *cells_of(figure))
