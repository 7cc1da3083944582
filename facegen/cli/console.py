"""Consoles of the command line: results on stdout, progress and warnings on stderr."""

import errno
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

from facegen.core.progress import Observer
from facegen.core.text.printable import printable

PLAIN_COLUMNS = 200
"""Width of output to pipes and files, so that tables are not folded."""
PLAIN_INTERVAL_SECONDS = 10.0
RATE_PERIOD_SECONDS = 3600.0
"""Period of the rate beside a bar, unless 1000 steps take less; in rich's own 30 seconds, slow steps have no rate."""


class LiteralConsole(Console):
    """A console that prints every string as it is: no markup, and control characters escaped; see `styled`."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(printable(text), **{**options, "markup": False, "emoji": False})

    def on_broken_pipe(self) -> None:
        """Leave it to `main`, which ends the program; Console raises SystemExit, which nobody can handle."""
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


class BestEffortConsole(LiteralConsole):
    """A console whose output may get lost: training must not end because the reader of its progress is gone."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print; do nothing more once the output cannot be written."""
        try:
            super().print(*objects, **options)
        except OSError:
            self.quiet = True


def styled(*parts: str | tuple[str, str]) -> Text:
    """Join texts, and pairs of a text and its style; every text is printed as it is."""
    return Text.assemble(
        *(printable(part) if isinstance(part, str) else (printable(part[0]), part[1]) for part in parts)
    )


def _console(stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream is not None and stream.isatty() else PLAIN_COLUMNS
    kind = BestEffortConsole if stderr else LiteralConsole
    return kind(stderr=stderr, width=width, highlight=False, emoji=False, markup=False)


console = _console(stderr=False)
error_console = _console(stderr=True)


@contextmanager
def watching(target: Console = error_console) -> Iterator[Observer]:
    """Yield an observer for long work: bars on a terminal, a line every ten seconds elsewhere."""
    if not target.is_terminal:
        yield PlainObserver(target)
        return
    # In a narrow terminal the bar is short and the values take several lines; the other columns are not folded.
    with Progress(
        TextColumn("{task.description}", style="bold", markup=False),
        BarColumn(bar_width=min(40, target.width // 8)),
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        _RateColumn(table_column=Column(no_wrap=True)),
        TimeElapsedColumn(table_column=Column(no_wrap=True)),
        TextColumn("ETA"),
        TimeRemainingColumn(table_column=Column(no_wrap=True)),
        TextColumn("{task.fields[values]}", markup=False, table_column=Column(no_wrap=False)),
        console=target,
        speed_estimate_period=RATE_PERIOD_SECONDS,
    ) as progress:
        yield BarObserver(progress)


@contextmanager
def when_interrupted(remains: Callable[[], str]) -> Iterator[None]:
    """Add to the message of an interruption what remains of the work.

    Args:
        remains: returns a clause without a full stop.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        raise click.Abort(remains()) from error


class _MessagePrinter(Observer):
    def __init__(self, target: Console) -> None:
        self._target = target

    def say(self, message: str) -> None:
        self._target.print(styled(message), soft_wrap=True)

    def warn(self, message: str) -> None:
        self._target.print(styled(("Warning:", "yellow"), f" {message}"), soft_wrap=True)

    def picture(self, path: Path, caption: str) -> None:
        self._target.print(styled(f"{caption}: ", (str(path), "cyan")), soft_wrap=True)


class BarObserver(_MessagePrinter):
    """Progress bars, one per stage; a stage inside a stage stands below it."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(progress.console)
        self._progress = progress
        self._stages: list[TaskID] = []

    def start(self, stage: str, total: int, done: int = 0) -> None:
        self._stages.append(self._progress.add_task(printable(stage), total=total, completed=done, values=""))
        self._progress.advance(self._stages[-1], 0)  # the rate counts from here

    def advance(self, done: int, values: Mapping[str, float] | None = None) -> None:
        self._progress.update(self._stages[-1], completed=done)
        if values is not None:
            self._progress.update(self._stages[-1], values=values_text(values))

    def finish(self) -> None:
        self._progress.stop_task(self._stages.pop())


class _RateColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(rate_text(speed) if speed else "", style="progress.data.speed")


@dataclass
class _Stage:
    name: str
    total: int
    first_done: int
    started: float
    done: int
    reported_done: int
    reported: float
    values: str = ""


class PlainObserver(_MessagePrinter):
    """Progress lines, one every ten seconds and one at the end of a stage, for logs and pipes."""

    def __init__(
        self,
        target: Console,
        interval_seconds: float = PLAIN_INTERVAL_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(target)
        self._interval_seconds = interval_seconds
        self._clock = clock
        self._stages: list[_Stage] = []

    def start(self, stage: str, total: int, done: int = 0) -> None:
        now = self._clock()
        self._stages.append(_Stage(stage, total, done, now, done, done, now))

    def advance(self, done: int, values: Mapping[str, float] | None = None) -> None:
        stage, now = self._stages[-1], self._clock()
        stage.done = done
        if values is not None:
            stage.values = values_text(values)
        if now - stage.reported >= self._interval_seconds:
            # The rate of the last interval only: the first steps are slow, and would distort the estimate for long.
            rate = (done - stage.reported_done) / (now - stage.reported)
            remaining = f"ETA {_clock_text((stage.total - done) / rate)}" if rate > 0 else "ETA -:--:--"
            self._report(stage, rate, remaining)
            stage.reported, stage.reported_done = now, done

    def finish(self) -> None:
        stage = self._stages.pop()
        seconds = self._clock() - stage.started
        rate = (stage.done - stage.first_done) / seconds if seconds > 0 else 0.0
        self._report(stage, rate, f"in {_clock_text(seconds)}")

    def _report(self, stage: _Stage, rate: float, time_text: str) -> None:
        share = f"{stage.done}/{stage.total} ({stage.done / max(stage.total, 1):.0%})"
        line = " ".join(filter(None, (stage.name, share, rate_text(rate), time_text, stage.values)))
        self._target.print(styled(line), soft_wrap=True)


def rate_text(rate: float) -> str:
    """Format a number of units of work per second."""
    return f"{rate:,.0f}/s" if rate >= 100 else f"{rate:.3g}/s"


def values_text(values: Mapping[str, float]) -> str:
    """Format names and numbers for display beside a bar."""
    return " ".join(f"{name} {value:.3g}" for name, value in values.items())


def _clock_text(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
