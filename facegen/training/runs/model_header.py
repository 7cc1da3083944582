"""Header of a model file: its length and its metadata, checked before anything of the file's size is allocated."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from facegen.core.errors import CheckpointError
from facegen.core.model_schema import FORMAT_VERSION, MAX_METADATA_BYTES, ModelMetadata
from facegen.core.readable_files import open_bytes
from facegen.core.recipe.settings import check_table
from facegen.core.tensor_access import open_tensors

METADATA_KEY = "facegen"
MAX_HEADER_BYTES = 2 * MAX_METADATA_BYTES + 8 * 2**20
"""The metadata is JSON inside JSON, where every quotation mark takes two characters; each tensor takes about 100."""


@contextmanager
def opened_model(path: Path) -> Iterator[Any]:
    """Open a safetensors file, whose header has a length that is allowed.

    Raises:
        CheckpointError: it is none.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: there is no such file")
    advice = "get the file again; a model file is made by `facegen export RUN model.safetensors`"
    size = path.stat().st_size
    with open_bytes(path) as file:
        header_bytes = int.from_bytes(file.read(8), "little")
    if size < 8 or header_bytes > size - 8:
        raise CheckpointError(f"{path}: is cut short, or is no safetensors file; {advice}")
    if header_bytes > MAX_HEADER_BYTES:
        limit = MAX_HEADER_BYTES >> 20
        raise CheckpointError(f"{path}: its header has {header_bytes >> 20} MiB; {limit} MiB are allowed; {advice}")
    try:
        with open_tensors(path) as opened:
            yield opened
    except (OSError, SafetensorError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path}: is damaged ({error}); {advice}") from None


def metadata_of(path: Path) -> ModelMetadata:
    """Read the metadata of a model file alone; its parts and their weights need not be installed.

    Raises:
        CheckpointError: it is no model file, or is damaged.
    """
    with opened_model(path) as file:
        return read_metadata(path, file.metadata())


def read_metadata(path: Path, entries: Mapping[str, str] | None) -> ModelMetadata:
    """Check the metadata.

    Raises:
        CheckpointError: it is missing, unknown or exceeds a bound.
    """
    if entries is None or METADATA_KEY not in entries:
        raise CheckpointError(
            f"{path}: holds no metadata of facegen, so it is no model file; make one with `facegen export RUN {path}`"
        )
    unknown = sorted(set(entries) - {METADATA_KEY})
    if unknown:
        raise CheckpointError(f"{path}: metadata {unknown[0][:100]!r} is unknown; only '{METADATA_KEY}' is allowed")
    try:
        values = json.loads(entries[METADATA_KEY])
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: its metadata is no JSON ({error}); get the file again") from None
    if not isinstance(values, dict):
        raise CheckpointError(f"{path}: its metadata is no JSON object; get the file again")
    version = values.get("format_version", FORMAT_VERSION)
    if version != FORMAT_VERSION:
        raise CheckpointError(f"{path}: format {str(version)[:20]}; this facegen reads format {FORMAT_VERSION}")
    checked, problems = check_table(ModelMetadata, values)
    if not isinstance(checked, ModelMetadata):
        raise CheckpointError(*(f"{path}: metadata: {problem[:300]}" for problem in problems[:10]))
    return checked
