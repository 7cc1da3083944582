"""A run's dossier on disk: report.json for programs, report.md and report.html for people."""

from pathlib import Path

from facegen.core.files import write_file
from facegen.core.progress import Observer
from facegen.core.text.json_text import json_text
from facegen.evaluation.dossier import NAME, Dossier, collect
from facegen.evaluation.page import GRID, to_html
from facegen.evaluation.questions import QUESTIONS, figure_names
from facegen.evaluation.report import Report, cells_of, number
from facegen.training.runs.run import Run


def write_dossier(path: Path, observer: Observer) -> Path:
    """Write what was found of a run so far, on all splits, into RUN/evaluation.

    Args:
        path: the run folder.
        observer: told what is left out, and how far the work is.
    Returns:
        The page, report.html.
    Raises:
        CheckpointError: nothing was evaluated yet.
    """
    observer.start("report", 4)
    dossier = collect(Run.open(path), observer)
    observer.advance(1)
    files = {"json": _json, "md": to_markdown, "html": to_html}
    for number_done, (ending, render) in enumerate(files.items(), 2):
        write_file(dossier.folder / f"{NAME}.{ending}", render(dossier))
        observer.advance(number_done)
    observer.finish()
    return dossier.folder / f"{NAME}.html"


def _json(dossier: Dossier) -> str:
    return json_text(dossier.to_json(), indent=1) + "\n"


def to_markdown(dossier: Dossier) -> str:
    """The same as the page, with links to the pictures."""
    lines = [f"# {dossier.run}: evaluation", "", f"Recipe {dossier.recipe}, measured by facegen {dossier.facegen}.", ""]
    lines += [f"- {report.name}: {report.heading}. Judge: {report.judge}." for report in dossier.reports]
    lines += [f"- {note}." for note in dossier.notes]
    for name, found in dossier.verdicts.items():
        lines += ["", f"## In words: {name}", ""]
        lines += [f"- **{verdict.kind}** ({verdict.severity}): {verdict.sentence}" for verdict in found]
    if dossier.gaps:
        lines += ["", "## Known and unseen", "", "| figure | splits | known | unseen | gap | 95% interval |"]
        lines.append("|---|---|---|---|---|---|")
        for gap in dossier.gaps:
            splits, interval = f"{gap.known} less {gap.unseen}", f"{number(gap.low)} to {number(gap.high)}"
            lines.append(_line([
                gap.name, splits, number(gap.here.value), number(gap.there.value), number(gap.value), interval,
            ]))  # fmt: skip
    for question, names in figure_names(dossier.reports).items():
        if names:
            lines += ["", f"## {QUESTIONS[question]}", "", *_figures(dossier, names)]
    pictures = [line for report in dossier.reports for line in _pictures(report)]
    pictures += [f"![{_plain(picture.caption)}]({picture.file})" for picture in dossier.curves]
    if pictures:
        lines += ["", "## Pictures", "", *pictures]
    return "\n".join(lines) + "\n"


def _figures(dossier: Dossier, names: list[str]) -> list[str]:
    lines = ["| figure | split | value | 95% interval | chance | note |", "|---|---|---|---|---|---|"]
    for name in names:
        for report in dossier.reports:
            for figure in (each for figures in report.figures.values() for each in figures if each.name == name):
                lines.append(_line([name, report.name, *cells_of(figure), figure.remarks]))
    return lines


def _pictures(report: Report) -> list[str]:
    found = [] if report.picture is None else [f"![{report.name}: {GRID}]({report.picture.name})"]
    return found + [f"![{report.name}: {_plain(picture.caption)}]({picture.file})" for picture in report.pictures]


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _plain(text: str) -> str:
    """Without what would end a picture's text."""
    return text.replace("[", "(").replace("]", ")").replace("\n", " ")
