"""Base class of loggers, and what they learn about a run and its evaluations."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from facegen.core.evidence import Figure

Status = Literal["finished", "interrupted", "failed"]
"""End of a training: all steps are done, the user stopped it, or an error did."""


@dataclass(frozen=True)
class RunInfo:
    """The run that a logger belongs to.

    Attributes:
        folder: its folder, where a logger may keep files; its last component names the run.
        recipe: {table: its keys, or a list of tables}, defaults included.
        versions: {package: version} of facegen, the packages that compute and the plugins.
    """

    folder: Path
    recipe: Mapping[str, Any]
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Evaluation:
    """A finished evaluation.

    Attributes:
        name: the split, followed by the corpus if that is not the run's own.
        step: training step of the weights; None for a run that only matches.
        figures: {key: figure}, such as {"matching.v2f.10.generated": ...}.
        table: Markdown file of the figures.
        picture: PNG file of generated faces; None for a run that only matches.
    """

    name: str
    step: int | None
    figures: Mapping[str, Figure]
    table: Path
    picture: Path | None


class Logger:
    """Recipient of the events of a run: `__init__(run, *, settings)`. It overrides the methods of events that it uses.

    Only the main process has loggers. A training calls `run_started`, then `stage_started` for each of its stages, then
    the stage's events, and `run_ended` last. An evaluation calls `evaluation_finished` alone, often in another process.
    A logger that raises an exception is reported once and gets no further events; training goes on.

    The constructor only keeps its arguments, because `facegen check` calls it, too.
    """

    def __init__(self, run: RunInfo) -> None: ...

    def run_started(self) -> None:
        """Prepare for a training, which is new or resumed; raise an exception if a package is missing."""

    def stage_started(self, stage: str, step: int) -> None:
        """Prepare for the steps of a stage after `step`; discard later ones, which a killed process may have logged.

        Args:
            stage: "match" or "train".
            step: step of the checkpoint from which training resumes; 0 without one.
        """

    def step_logged(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        """Record scalars.

        Args:
            stage: "match", "train", or "monitor", whose values belong to the stage "train".
            step: number of finished steps of the stage.
            values: means since the last call; "monitor" may have NaN.
        """

    def image(self, name: str, step: int, pixels: NDArray[np.uint8]) -> None:
        """Record a picture, such as the sample grid "samples": (H, W, 3), RGB."""

    def checkpoint_saved(self, stage: str, step: int, folder: Path) -> None:
        """Record a checkpoint; older ones may be deleted at any time."""

    def evaluation_finished(self, evaluation: Evaluation) -> None:
        """Record an evaluation, opening and closing what that needs."""

    def run_ended(self, status: Status) -> None:
        """Close everything that the training opened."""
