"""Faults at the n-th operation that changes the disk."""

import builtins
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

OPERATIONS = (
    "replace", "rename", "link", "symlink", "unlink", "remove", "rmdir", "mkdir", "fsync", "truncate", "chmod",
)  # fmt: skip


class Killed(BaseException):
    """The process is gone: no clean-up can change the disk any more."""


class Disk:
    """Counts the operations that change the disk, and fails at one of them.

    Attributes:
        count: how many operations were tried.
        failed: the one that failed, as "mkdir PATH"; empty where none did.
    """

    def __init__(self, last: int, error: BaseException) -> None:
        self.last, self.error, self.count, self.failed = last, error, 0, ""

    def wrap(self, name: str, operation: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **keywords: Any) -> Any:
            if name != "open" or _writes(*args, **keywords):
                self._try(f"{name} {args[0]}")
            return operation(*args, **keywords)

        return call

    def _try(self, description: str) -> None:
        self.count += 1
        is_dead = isinstance(self.error, Killed) and self.count > self.last + 1
        if self.count == self.last + 1 or is_dead:
            self.failed = self.failed or description
            raise self.error


@contextmanager
def failing(last: int, error: BaseException) -> Iterator[Disk]:
    """Let the disk be changed `last` times, and raise an error at the next operation.

    After `Killed`, every later operation fails, too, so that no clean-up is done; after other errors, the disk works
    again. Operations are those of `os` and opening a file for writing.
    """
    disk = Disk(last, error)
    with pytest.MonkeyPatch.context() as patch:
        for name in OPERATIONS:
            patch.setattr(os, name, disk.wrap(name, getattr(os, name)))
        for module in (builtins, io):
            patch.setattr(module, "open", disk.wrap("open", module.open))
        yield disk


def _writes(file: Any, mode: str = "r", *args: Any, **keywords: Any) -> bool:
    return bool(set(mode) & set("wax+"))
