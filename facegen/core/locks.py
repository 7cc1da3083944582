"""One process at a time; the system gives up the lock of a process that ends, however it ends."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

LOCK = ".lock"
"""Name of the file in a folder where only one may be at work."""
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}


@contextmanager
def held(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a lock while this is open. On a file system that knows no locks, everybody gets it.

    Args:
        path: a file that is there only as long as somebody holds the lock, or was killed doing so.
        wait: for whoever holds it.
    Raises:
        BlockingIOError: somebody else holds it.
        OSError: it cannot be made.
    """
    file = _open(path, wait)
    # The one before may have removed the file between its being opened here and being locked.
    while not _is(path, file):
        file.close()
        file = _open(path, wait)
    with file:
        try:
            yield
        finally:
            with suppress(OSError):
                path.unlink()


def _open(path: Path, wait: bool) -> IO[str]:
    file = path.open("a")  # for writing, without which network file systems lock nothing
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            file.close()
            raise
    return file


def _is(path: Path, file: IO[str]) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
