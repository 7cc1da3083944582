"""Where measures and pictures of a run go: log.jsonl, and TensorBoard where it is installed."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from facegen.training.runs.run import Run

DIGITS = 6
"""Significant digits of a logged value."""


class RunLogger:
    """Writes what a run measures.

    Args:
        run: whose folder.
        writes: false where another process does; then nothing comes of what it is told.
    """

    def __init__(self, run: Run, *, writes: bool = True) -> None:
        self.run, self._writes = run, writes
        self._writer: Any = None

    def begin(self, stage: str, step: int) -> None:
        """Go on after a step of a stage: take back everything later, which a killed process may have written.

        TensorBoard's events stand in a folder for each stage: taking back a step takes back all of the folder.
        """
        if not self._writes:
            return
        self.run.rewind(stage, step)
        self.close()
        self._writer = _summary_writer(self.run.path / "events" / stage, step + 1)

    def log(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        """Write one line of numbers, with six significant digits; null stands for NaN and infinity."""
        if not self._writes:
            return
        self.run.log(stage, step, {name: _rounded(value) for name, value in values.items()})
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(f"{stage}/{name}", value, step)

    def picture(self, name: str, step: int, pixels: Tensor) -> None:
        """A picture for TensorBoard: (H, W, 3) uint8."""
        if self._writer is not None:
            self._writer.add_image(name, pixels, step, dataformats="HWC")

    def flush(self) -> None:
        """Force everything to the disk: a checkpoint that is about to be written relies on it."""
        if self._writes:
            self.run.sync_log()
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        """Flush and close."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _rounded(value: float) -> float | None:
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None


def _summary_writer(folder: Path, purge_step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:  # the extra `viewer` is not installed
        return None
    return SummaryWriter(str(folder), purge_step=purge_step)


def to_pixels(picture: Any) -> Tensor:
    """A Pillow picture as (H, W, 3) uint8."""
    raw = torch.frombuffer(bytearray(picture.convert("RGB").tobytes()), dtype=torch.uint8)
    return raw.view(picture.height, picture.width, 3)
