"""Reading of files that users and strangers give: regular ones only, and every error names the file."""

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from facegen.core.errors import DataError

_SPECIAL_FILES = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_OF_KERNEL = ("/proc/", "/sys/")
"""Folders of files that are regular by their type, and yet may wait for ever, or fail at any place."""


def require_regular_file(path: Path) -> None:
    """Refuse files whose reading may never end: devices, pipes, sockets, and those of the kernel.

    Raises:
        OSError: the file does not exist, or cannot be looked up.
        DataError: the path is a special file.
    """
    special = special_file(path)
    if special:
        raise DataError(f"{path}: is {special}; give a regular file")


def special_file(path: Path) -> str:
    """Return what a special file is, such as "a pipe"; "" for a regular file or a folder.

    Raises:
        OSError: the file does not exist, or cannot be looked up.
    """
    status = os.stat(path)
    if stat.S_ISREG(status.st_mode) and not status.st_blocks and os.path.realpath(path).startswith(_OF_KERNEL):
        return "a file of the kernel"
    return _SPECIAL_FILES.get(stat.S_IFMT(status.st_mode), "")


def real_path(path: Path) -> Path:
    """Return the absolute path behind links; links in a circle, which `Path.resolve` refuses, are left as they are."""
    return Path(os.path.realpath(path))


def open_bytes(path: Path) -> io.BufferedReader:
    """Open a regular file for reading.

    Raises:
        OSError: the file cannot be opened; later, that it cannot be read, as on a damaged disk or below /proc.
        DataError: the path is a special file.
    """
    require_regular_file(path)
    return io.BufferedReader(_NamedFile(path))


def read_bytes(path: Path) -> bytes:
    """Read a regular file.

    Raises:
        OSError, DataError: as of `open_bytes`.
    """
    with open_bytes(path) as file:
        return file.read()


class _NamedFile(io.FileIO):
    """File whose errors of reading name it, as those of opening do."""

    def readinto(self, buffer: Any) -> int | None:
        with _named(self.name):
            return super().readinto(buffer)

    def readall(self) -> bytes:
        with _named(self.name):
            return super().readall()


@contextmanager
def _named(name: Any) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = os.fsdecode(name)
        raise
