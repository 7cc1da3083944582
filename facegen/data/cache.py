"""Where facegen keeps what it can make again."""

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

RENDERED_BYTES = 4 << 30
"""So much of rendered corpora is kept; what was used least recently goes first."""


def user_cache(name: str) -> Path:
    """A folder of the user's cache (XDG_CACHE_HOME, or ~/.cache); not made before it is needed."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "facegen" / name


def find_rendered(key: str) -> dict[str, Tensor] | None:
    """What was kept under a key, if it still is."""
    path = _rendered(key)
    try:
        found = load_file(path)
        os.utime(path)
    except (OSError, SafetensorError):
        return None
    return found


def keep_rendered(key: str, tensors: Mapping[str, Tensor]) -> None:
    """Keep tensors under a key, and forget others beyond RENDERED_BYTES; a cache that cannot be written is no error."""
    path = _rendered(key)
    if sum(tensor.nbytes for tensor in tensors.values()) > RENDERED_BYTES // 4:
        return
    with contextlib.suppress(OSError, SafetensorError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            written = Path(folder) / path.name
            save_file({name: tensor.contiguous().cpu() for name, tensor in tensors.items()}, written)
            written.replace(path)
        kept = sorted(path.parent.glob("*.safetensors"), key=lambda file: file.stat().st_mtime, reverse=True)
        total = 0
        for file in kept:
            total += file.stat().st_size
            if total > RENDERED_BYTES:
                file.unlink()


def _rendered(key: str) -> Path:
    return user_cache("rendered") / f"{key}.safetensors"
