"""Observer that measures how long each kind of work of a training takes."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch

from facegen.core.progress import Observer


class Stopwatch(Observer):
    """Durations of a training's sections and phases, which it also shows.

    Args:
        shown: gets the progress, too.
        device: finishes its work before a duration is taken.

    Attributes:
        sections: {name: durations in seconds}, such as those of steps.
        phases: {name: (units of work, seconds)}, such as the encoding of clips; phases of steps are not among them.
    """

    def __init__(self, shown: Observer, device: torch.device) -> None:
        self._shown, self._device = shown, device
        self._open: list[tuple[str, int, float]] = []
        self.sections: dict[str, list[float]] = {}
        self.phases: dict[str, tuple[int, float]] = {}

    def start(self, stage: str, total: int, done: int = 0) -> None:
        self._shown.start(f"measure {stage}", total, done)
        self._open.append((stage, total, self.now()))

    def advance(self, done: int, values: Mapping[str, float] | None = None) -> None:
        self._shown.advance(done, values)

    def finish(self) -> None:
        self._shown.finish()
        stage, total, started = self._open.pop()
        if "step" not in self.sections:
            units, seconds = self.phases.get(stage, (0, 0.0))
            self.phases[stage] = units + total, seconds + self.now() - started

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        started = self.now()
        try:
            yield
        finally:
            self.sections.setdefault(name, []).append(self.now() - started)

    def now(self) -> float:
        """Return the time in seconds, after all work that the device was given."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()
