"""Caches of data that can be computed again: embeddings, rendered corpora, derived weights."""

import os
from collections.abc import Mapping
from contextlib import suppress
from os.path import expanduser
from pathlib import Path
from tempfile import gettempdir

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from facegen.core.files import replacing
from facegen.core.tensor_access import load_tensors

RENDERED_BYTES = 4 << 30
"""Size limit of the cache of rendered corpora."""


def user_cache(name: str) -> Path:
    """Return the path of a folder in the user's cache (XDG_CACHE_HOME, or ~/.cache); it may not exist yet.

    A container may run under a number that has no HOME and no entry in passwd; its cache lies in the temporary folder.
    """
    home = expanduser("~")
    default = Path(home, ".cache") if home != "~" else Path(gettempdir(), f"cache-{os.getuid()}")
    return Path(os.environ.get("XDG_CACHE_HOME") or default) / "facegen" / name


def load_cached(path: Path | None) -> dict[str, Tensor] | None:
    """Load the tensors of a cache file; None if there is no cache, or the file is missing or damaged."""
    if path is None:
        return None
    try:
        return load_tensors(path)
    except (OSError, SafetensorError):
        return None


def save_cached(path: Path | None, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors to a cache file; do nothing if there is no cache, or if it cannot be written."""
    if path is None:
        return
    with suppress(OSError, SafetensorError), replacing(path) as part:
        save_file({name: tensor.contiguous().cpu() for name, tensor in tensors.items()}, part)


def load_rendered(key: str) -> dict[str, Tensor] | None:
    """Load the rendered corpus saved under a key; None if it is not in the cache."""
    path = _rendered(key)
    tensors = load_cached(path)
    if tensors is not None:
        with suppress(OSError):
            os.utime(path)  # marks the file as recently used
    return tensors


def has_rendered(key: str) -> bool:
    """Tell whether a rendered corpus is saved under a key."""
    return _rendered(key).is_file()


def save_rendered(key: str, tensors: Mapping[str, Tensor]) -> None:
    """Save a rendered corpus under a key, and delete the least recently used ones beyond RENDERED_BYTES."""
    path = _rendered(key)
    if sum(tensor.nbytes for tensor in tensors.values()) > RENDERED_BYTES // 4:
        return
    save_cached(path, tensors)
    with suppress(OSError):
        # Temporary files of killed processes are counted and deleted, too.
        files = [(file.stat(), file) for file in path.parent.iterdir()]
        total = 0
        for status, file in sorted(files, key=lambda entry: entry[0].st_mtime, reverse=True):
            total += status.st_size
            if total > RENDERED_BYTES:
                file.unlink()


def _rendered(key: str) -> Path:
    return user_cache("rendered") / f"{key}.safetensors"
