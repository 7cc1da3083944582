"""Access to safetensors files at any path: the library itself opens only paths that are UTF-8."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from safetensors import safe_open

from facegen.core.readable_files import open_bytes
from facegen.core.text.printable import is_utf8


@contextmanager
def open_tensors(path: Path, framework: Literal["pt", "np"] = "pt") -> Iterator[Any]:
    """Open a file as `safetensors.safe_open` does; its tensors are mapped into memory.

    Raises:
        OSError, SafetensorError, ValueError, RuntimeError: the file cannot be read, or is damaged.
    """
    if is_utf8(str(path)):
        with safe_open(path, framework=framework) as tensors:
            yield tensors
        return
    with open_bytes(path) as file, safe_open(f"/dev/fd/{file.fileno()}", framework=framework) as tensors:
        yield tensors


def load_tensors(path: Path) -> dict[str, Any]:
    """Load all tensors of a file.

    Raises:
        OSError, SafetensorError, ValueError, RuntimeError: as of `open_tensors`.
    """
    with open_tensors(path) as tensors:
        return {name: tensors.get_tensor(name) for name in tensors.keys()}  # noqa: SIM118
