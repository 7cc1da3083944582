"""Log of a run: scalars to log.jsonl, scalars and pictures to TensorBoard if it is installed."""

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
    """Writer of a run's scalars and pictures.

    Args:
        run: gets the log.
        writes: False in processes other than the main one; then every call does nothing.
    """

    def __init__(self, run: Run, *, writes: bool = True) -> None:
        self.run, self._writes = run, writes
        self._writer: Any = None

    def begin(self, stage: str, step: int) -> None:
        """Open the log of a stage after a step; remove later entries, which a killed process may have written.

        Each stage has its own folder of TensorBoard events, because purging a step purges every tag of the folder.
        """
        if not self._writes:
            return
        self.run.rewind(stage, step)
        self.close()
        self._writer = _summary_writer(self.run.path / "events" / stage, step + 1)

    def log(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        """Write one line of scalars, with six significant digits; null stands for NaN and infinity."""
        if not self._writes:
            return
        self.run.log(stage, step, {name: _rounded(value) for name, value in values.items()})
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(f"{stage}/{name}", value, step)

    def picture(self, name: str, step: int, pixels: Tensor) -> None:
        """Write a picture to TensorBoard: (H, W, 3) uint8."""
        if self._writer is not None:
            self._writer.add_image(name, pixels, step, dataformats="HWC")

    def flush(self) -> None:
        """Sync the log to the disk, so that it is complete when a checkpoint is written."""
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


def picture_tensor(picture: Any) -> Tensor:
    """Convert a Pillow picture to (H, W, 3) uint8."""
    raw = torch.frombuffer(bytearray(picture.convert("RGB").tobytes()), dtype=torch.uint8)
    return raw.view(picture.height, picture.width, 3)
