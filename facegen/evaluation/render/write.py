"""Files of a run report: report.json for programs, report.md and report.html for people."""

from pathlib import Path

from facegen.core.files import write_file
from facegen.core.progress import Observer
from facegen.core.text.json_text import json_text
from facegen.evaluation.render.html import to_html
from facegen.evaluation.render.markdown import to_markdown
from facegen.evaluation.run_report import NAME, RunReport, collect
from facegen.training.runs.run import Run


def write_run_report(path: Path, observer: Observer) -> Path:
    """Write the results of all evaluations of a run into RUN/evaluation.

    Args:
        path: the run folder.
        observer: receives warnings and progress.
    Returns:
        The page, report.html.
    Raises:
        CheckpointError: the run was not evaluated yet.
    """
    observer.start("report", 4)
    report = collect(Run.open(path), observer)
    observer.advance(1)
    files = {"json": _to_json, "md": to_markdown, "html": to_html}
    for number_done, (ending, render) in enumerate(files.items(), 2):
        write_file(report.folder / f"{NAME}.{ending}", render(report))
        observer.advance(number_done)
    observer.finish()
    return report.folder / f"{NAME}.html"


def _to_json(report: RunReport) -> str:
    return json_text(report.to_json(), indent=1) + "\n"
