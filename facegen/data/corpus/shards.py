"""Shards: safetensors files with one tensor, written row by row and read through a memory map."""

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor

from facegen.core.errors import DataError
from facegen.core.files import sync_file
from facegen.core.readable_files import open_bytes
from facegen.core.tensor_access import load_tensors
from facegen.data.corpus.header import Shard

HEADER_BYTES = 256
"""Space reserved for the safetensors header, which is written last; the format allows padding at its end."""
_DTYPES = {"uint8": ("U8", torch.uint8), "int16": ("I16", torch.int16)}


class ShardWriter:
    """Writer of a tensor whose length is not known in advance; no more than the appended rows are in memory.

    Args:
        path: the file; it must not exist.
        tensor: name of the tensor in the file.
        dtype: "uint8" or "int16".
        row_shape: shape of a row.
    """

    def __init__(self, path: Path, tensor: str, dtype: str, row_shape: tuple[int, ...]) -> None:
        self._path, self._tensor, self._dtype, self._row_shape = path, tensor, dtype, row_shape
        self._file = path.open("xb")
        self._file.write(bytes(HEADER_BYTES))
        self.num_rows = 0
        self.num_bytes = 0

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows: (n, *row_shape)."""
        if rows.dtype != self._dtype or rows.shape[1:] != self._row_shape:
            raise ValueError(f"{self._tensor}: {rows.dtype} {rows.shape} does not fit {self._dtype} {self._row_shape}")
        data = np.ascontiguousarray(rows, dtype=rows.dtype.newbyteorder("<"))
        self._file.write(data.data)
        self.num_rows += len(rows)
        self.num_bytes += data.nbytes

    def close(self) -> Shard:
        """Write the safetensors header, sync the file to the disk, and return its entry."""
        entry = {
            "dtype": _DTYPES[self._dtype][0],
            "shape": [self.num_rows, *self._row_shape],
            "data_offsets": [0, self.num_bytes],
        }
        header = json.dumps({self._tensor: entry}).encode().ljust(HEADER_BYTES - 8)
        self._file.seek(0)
        self._file.write(len(header).to_bytes(8, "little") + header)
        self._file.close()
        sync_file(self._path)
        return describe_shard(self._path, self.num_rows)

    def abandon(self) -> None:
        """Close the file without completing it."""
        with suppress(OSError):  # on a full disk, closing fails again
            self._file.close()


def describe_shard(path: Path, num_rows: int) -> Shard:
    """Make the header entry of a finished file."""
    return Shard(file=path.name, num_rows=num_rows, num_bytes=path.stat().st_size, sha256=sha256_of(path))


def sha256_of(path: Path) -> str:
    """Compute the SHA-256 of a file, in hexadecimal."""
    with open_bytes(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_file(path: Path, shard: Shard) -> str | None:
    """Check that a file exists and has its size; return the problem, or None."""
    if not path.exists():
        return f"{path}: is missing; copy it again from the source of the corpus, or pack the corpus again"
    if not path.is_file():
        return f"{path}: is not a regular file; pack the corpus again"
    size = path.stat().st_size
    if size != shard.num_bytes:
        state = "is truncated" if size < shard.num_bytes else "was changed"
        return f"{path}: {state}: {size} bytes instead of {shard.num_bytes}; copy it again, or pack the corpus again"
    return None


def map_tensors(path: Path) -> dict[str, Tensor]:
    """Map the tensors of a safetensors file into memory; pages are read when they are used.

    Raises:
        DataError: the file is not a safetensors file, or its header does not match its size.
    """
    try:
        return load_tensors(path)
    except (SafetensorError, OSError, KeyError, ValueError, RuntimeError) as error:
        raise DataError(f"{path}: is damaged ({error}); copy it again, or pack the corpus again") from None


def map_shard(path: Path, tensor: str, dtype: str, shape: tuple[int, ...]) -> Tensor:
    """Map the tensor of a shard into memory.

    Raises:
        DataError: name, type or shape of the tensor differ from the header.
    """
    tensors = map_tensors(path)
    stored = {name: (values.dtype, tuple(values.shape)) for name, values in tensors.items()}
    if stored != {tensor: (_DTYPES[dtype][1], shape)}:
        expected = f"{tensor} {dtype} {shape}"
        content = ", ".join(f"{name} {kind} {size}" for name, (kind, size) in stored.items()) or "no tensor"
        raise DataError(
            f"{path}: holds {content}, but must hold {expected} according to corpus.json; pack the corpus again"
        )
    return tensors[tensor]
