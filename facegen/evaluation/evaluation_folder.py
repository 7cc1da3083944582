"""Folder of the reports of a run or a model."""

from pathlib import Path

from facegen.training.runs.open_run import is_model

FOLDER = "evaluation"


def evaluation_folder(path_or_name: Path) -> Path:
    """Return the folder of the reports: in a run, beside a model file, in the working directory for a shipped model."""
    if is_model(path_or_name):
        return path_or_name.with_name(f"{path_or_name.stem}-{FOLDER}")
    return path_or_name / FOLDER
