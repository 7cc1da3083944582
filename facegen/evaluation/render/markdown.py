"""Run report as Markdown."""

from facegen.evaluation.figures import by_key
from facegen.evaluation.render.html import GRID
from facegen.evaluation.report import Report, cells_of, number
from facegen.evaluation.run_report import RunReport
from facegen.evaluation.verdicts.questions import QUESTIONS, figure_keys


def to_markdown(run_report: RunReport) -> str:
    """Render the content of the HTML page, with links to the pictures."""
    about = f"Recipe {run_report.recipe}, measured by facegen {run_report.facegen}."
    lines = [f"# {run_report.run}: evaluation", "", about, ""]
    for name, verdicts in run_report.verdicts.items():
        lines += [f"## Verdicts: {name}", ""]
        lines += [f"- **{verdict.kind}** ({verdict.severity}): {verdict.sentence}" for verdict in verdicts]
        lines.append("")
    lines += ["## What was measured", ""]
    lines += [f"- {report.name}: {report.heading}. Judge: {report.judge}." for report in run_report.reports]
    lines += [f"- {note}." for note in run_report.notes]
    if run_report.gaps:
        lines += ["", "## Known and unseen", "", "| figure | splits | known | unseen | gap | 95% interval |"]
        lines.append("|---|---|---|---|---|---|")
        for gap in run_report.gaps:
            splits, interval = f"{gap.known} minus {gap.unseen}", f"{number(gap.low)} to {number(gap.high)}"
            lines.append(_line([
                gap.label, splits, number(gap.here.value), number(gap.there.value), number(gap.value), interval,
            ]))  # fmt: skip
    for question, keys in figure_keys(run_report.reports).items():
        if keys:
            lines += ["", f"## {QUESTIONS[question]}", "", *_figures(run_report, keys)]
    pictures = [line for report in run_report.reports for line in _pictures(report)]
    pictures += [f"![{_plain(picture.caption)}]({picture.file})" for picture in run_report.curves]
    if pictures:
        lines += ["", "## Pictures", "", *pictures]
    return "\n".join(lines) + "\n"


def _figures(run_report: RunReport, keys: list[str]) -> list[str]:
    lines = ["| figure | split | value | 95% interval | chance | note |", "|---|---|---|---|---|---|"]
    by_report = [(report.name, by_key(report)) for report in run_report.reports]
    for key in keys:
        for name, figures in by_report:
            if key in figures:
                figure = figures[key]
                lines.append(_line([figure.label, name, *cells_of(figure), figure.remarks]))
    return lines


def _pictures(report: Report) -> list[str]:
    grid = [] if report.picture is None else [f"![{report.name}: {GRID}]({report.picture.name})"]
    return grid + [f"![{report.name}: {_plain(picture.caption)}]({picture.file})" for picture in report.pictures]


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _plain(text: str) -> str:
    """Replace characters that end the text of a Markdown picture."""
    return text.replace("[", "(").replace("]", ")").replace("\n", " ")
