"""JSON files of a run, which may come from a stranger: read up to a limit of bytes, and checked by their schema."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from facegen.core.errors import CheckpointError
from facegen.core.readable_files import open_bytes
from facegen.core.recipe.settings import check_table
from facegen.core.recipe.tables import Table

MAX_PROBLEMS = 10
MAX_PROBLEM_CHARACTERS = 300
Checked = TypeVar("Checked", bound=Table)


def read_bounded(path: Path, max_bytes: int) -> str:
    """Read a text file of a limited size; a device or a pipe is never opened.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no file, exceeds the limit, or is not in UTF-8.
    """
    if path.exists() and not path.is_file():
        raise ValueError(f"{path.name} is no file")
    with open_bytes(path) as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise ValueError(f"{path.name} has more than {max_bytes} bytes")
    return content.decode()


def read_json(path: Path, model: type[Checked], max_bytes: int, damage: Callable[[str], str]) -> Checked:
    """Read a JSON file of a run.

    Args:
        path: the file.
        model: its schema, with a key `format`, whose default is the format that this version writes.
        max_bytes: limit of its size.
        damage: makes the message about a damaged file from the reason.
    Raises:
        CheckpointError: it is missing or damaged, breaks the schema, or has another format.
    """
    try:
        values = json.loads(read_bounded(path, max_bytes))
        if not isinstance(values, dict):
            raise ValueError("holds no table of values")
        _require_format(path, values.get("format"), model.model_fields["format"].default)
        checked, problems = check_table(model, values)
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(damage(str(error)[:MAX_PROBLEM_CHARACTERS])) from None
    if not isinstance(checked, model):
        shown = (problem[:MAX_PROBLEM_CHARACTERS] for problem in problems[:MAX_PROBLEMS])
        raise CheckpointError(*(damage(problem) for problem in shown))
    return checked


def _require_format(path: Path, written: object, expected: int) -> None:
    """Refuse a file of an old format, which is never read in part."""
    if written != expected:
        raise CheckpointError(
            f"{path}: format {str(written)[:20]}; this facegen reads format {expected}: train the run again, or "
            f"use the version of facegen that wrote it"
        )
