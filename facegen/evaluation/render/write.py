"""Files of a run report: report.json for programs, report.md and report.html for people."""

from pathlib import Path

from facegen.core.files import write_file
from facegen.core.progress import Observer
from facegen.core.text.json_text import json_text
from facegen.evaluation.evaluation_folder import evaluation_folder
from facegen.evaluation.render.html import to_html
from facegen.evaluation.render.markdown import to_markdown
from facegen.evaluation.run_report import NAME, RunReport, collect
from facegen.training.runs.open_run import open_run_or_model


def write_run_report(path: Path, observer: Observer, out: Path | None = None) -> Path:
    """Write the results of all evaluations of a run beside them.

    Args:
        path: run folder, model file, or name of a shipped model.
        observer: receives warnings and progress.
        out: folder of the evaluations; `evaluation_folder` by default.
    Returns:
        The page, report.html.
    Raises:
        CheckpointError: the run was not evaluated yet.
    """
    folder = evaluation_folder(path) if out is None else out
    return write_pages(collect(open_run_or_model(path), observer, folder), observer)


def write_pages(report: RunReport, observer: Observer) -> Path:
    """Write a report in every format; return the page, report.html."""
    observer.start("report", 3)
    files = {"json": _to_json, "md": to_markdown, "html": to_html}
    for number_done, (ending, render) in enumerate(files.items(), 1):
        write_file(report.folder / f"{NAME}.{ending}", render(report))
        observer.advance(number_done)
    observer.finish()
    return report.folder / f"{NAME}.html"


def _to_json(report: RunReport) -> str:
    return json_text(report.to_json(), indent=1) + "\n"
