"""Log of a run: scalars to log.jsonl, and every event to the loggers of its recipe."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL.Image import Image

from facegen.core.errors import FacegenError, PluginError
from facegen.core.logger_interface import Evaluation, Logger, RunInfo, Status
from facegen.core.part_faults import PartFaultError
from facegen.core.plugins import guarded
from facegen.core.progress import Observer
from facegen.core.readable_files import real_path
from facegen.core.recipe.part_config import Recipe
from facegen.core.recipe.unique_names import unique_names
from facegen.core.text.raised import raised
from facegen.training.runs.run import Run

DIGITS = 6
"""Significant digits of a logged value."""


class RunLogger:
    """Writer of log.jsonl, and sender of events to the loggers; each method is the event of the same name in `Logger`.

    log.jsonl is no logger: a resumed run continues from it, so it is always written, and its errors stop training.

    Args:
        run: the run.
        observer: gets a warning about each logger that fails; it gets no further events.
        writes: False in processes other than the main one; then every call does nothing.
    """

    def __init__(self, run: Run, observer: Observer, *, writes: bool = True) -> None:
        self.run, self._observer, self._writes = run, observer, writes
        self._loggers: dict[str, Logger] = {}
        if not writes:
            return
        configs, info = run.recipe.configs["logger"], run_info(run.recipe, run.path, run.versions)
        for name, config in zip(unique_names(config.name for config in configs), configs, strict=True):
            with self._dropping(name):
                self._loggers[name] = config.build(info)

    def run_started(self) -> None:
        self._notify(Logger.run_started)

    def stage_started(self, stage: str, step: int) -> None:
        """Remove later entries from the log, which a killed process may have written."""
        if self._writes:
            self.run.rewind(stage, step)
            self._notify(Logger.stage_started, stage, step)

    def step_logged(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        """Write one line of scalars, with six significant digits; null stands for NaN and infinity."""
        if self._writes:
            self.run.log(stage, step, {name: _rounded(value) for name, value in values.items()})
            self._notify(Logger.step_logged, stage, step, dict(values))

    def image(self, name: str, step: int, picture: Image) -> None:
        """Send a picture."""
        if self._loggers:
            self._notify(Logger.image, name, step, np.array(picture.convert("RGB")))

    def sync(self) -> None:
        """Sync log.jsonl to the disk, so that it is complete when a checkpoint is written."""
        if self._writes:
            self.run.sync_log()

    def checkpoint_saved(self, stage: str, step: int, folder: Path) -> None:
        self._notify(Logger.checkpoint_saved, stage, step, folder)

    def evaluation_finished(self, evaluation: Evaluation) -> None:
        self._notify(Logger.evaluation_finished, evaluation)

    def run_ended(self, status: Status) -> None:
        self._notify(Logger.run_ended, status)

    def _notify(self, event: Callable[..., None], *values: Any) -> None:
        for name, logger in list(self._loggers.items()):
            with self._dropping(name, event.__name__):
                getattr(logger, event.__name__)(*values)

    @contextmanager
    def _dropping(self, name: str, event: str = "__init__") -> Iterator[None]:
        """Run one call of a logger; if it fails, warn and drop the logger."""
        try:
            with guarded(lambda error: _explained(name, event, error)):
                yield
        except PluginError as error:
            self._loggers.pop(name, None)
            self._observer.warn(f"{error}; the run goes on without this logger")


def run_info(recipe: Recipe, folder: Path, versions: Mapping[str, str]) -> RunInfo:
    """Describe a run to its loggers."""
    return RunInfo(real_path(folder), recipe.values, dict(versions))


def _explained(name: str, event: str, error: BaseException) -> str:
    if isinstance(error, PartFaultError):  # of a plugin; it names the logger, the event and the line of source
        return str(error)
    reason = str(error) if isinstance(error, FacegenError) else raised(error)
    return f"logger '{name}' fails in {event}: {reason}"


def _rounded(value: float) -> float | None:
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
