"""Standard streams of the program, whatever they are: closed, full, without a reader, or in an old encoding."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper

import click

from facegen.core.text.printable import printable
from facegen.core.text.shown import cut

MAX_PROBLEMS = 50
MAX_CHARACTERS = 3000
"""Largest length of a message: some name all parts of a kind, and some quote a user's value."""


def prepare_streams() -> None:
    """Open closed standard streams on the null device, and let no character fail to be printed.

    A file that is opened later would get the number of a closed stream, and everything that is printed with it.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_RDWR), number)
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 (open until the program ends)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_error(text: str, *, label: str = "") -> None:
    """Print a line on stderr, if it can be written at all."""
    with suppress(OSError):
        click.echo((click.style(label, fg="red", bold=True) + " " if label else "") + printable(text), err=True)


def report_problems(problems: Sequence[str]) -> int:
    """Print problems on stderr, shortened where they are long or many; return the exit code 1."""
    for problem in problems[:MAX_PROBLEMS]:
        print_error(cut(problem, MAX_CHARACTERS), label="Error:")
    if len(problems) > MAX_PROBLEMS:
        print_error(f"{len(problems) - MAX_PROBLEMS:,} more problems of this kind are not shown.", label="Error:")
    return 1


def discard_output() -> None:
    """Discard what stdout still holds: it cannot be written, and Python would fail again when it flushes it at exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def out_of_memory(error: Exception) -> bool:
    """Return whether memory ran out; torch, which is not imported here, has its own classes and texts for it."""
    is_of_torch = type(error).__name__ == "OutOfMemoryError" or "DefaultCPUAllocator" in str(error)
    return isinstance(error, MemoryError) or is_of_torch
