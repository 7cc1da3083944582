"""Format numbers of the files of a run: a file of an old format is refused, never read in part."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facegen.core.errors import CheckpointError

METADATA = "run.json"
"""File of a run folder with its description; a folder without it is no run."""
RUN_FORMAT = 2
"""Of run.json. 1: versions in the keys "facegen", "packages" and "plugins", and no fingerprint of the corpus."""
CHECKPOINT_FORMAT = 2
"""Of state.json and the files beside it. 1: weights in artist.safetensors and average.safetensors, no sums of logged
values."""


def require_format(path: Path, content: Mapping[str, Any], expected: int) -> None:
    """Check the format number of a file.

    Args:
        path: the file, for the error.
        content: of the file.
        expected: the format that this version writes.
    Raises:
        CheckpointError: the file has another format, or none.
    """
    if content.get("format") != expected:
        raise CheckpointError(
            f"{path}: format {content.get('format')!r}; this facegen reads format {expected}: train the run again, or "
            f"use the version of facegen that wrote it"
        )
