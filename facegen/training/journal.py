"""Where measures and pictures of a run go: log.jsonl, and TensorBoard where it is installed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from facegen.training.run import Run


class Journal:
    """Writes what a run measures.

    Args:
        run: whose folder.
        writes: false where another process does; then nothing comes of what it is told.
    """

    def __init__(self, run: Run, *, writes: bool = True) -> None:
        self.run, self._writes = run, writes
        self._writer = _summary_writer(run.path / "events") if writes else None

    def log(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        """One line of numbers."""
        if not self._writes:
            return
        self.run.log(stage, step, {name: round(value, 6) for name, value in values.items()})
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(f"{stage}/{name}", value, step)

    def picture(self, name: str, step: int, pixels: Tensor) -> None:
        """A picture for TensorBoard: (H, W, 3) uint8."""
        if self._writer is not None:
            self._writer.add_image(name, pixels, step, dataformats="HWC")

    def close(self) -> None:
        """Flush and close."""
        if self._writer is not None:
            self._writer.close()


def _summary_writer(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:  # the extra `viewer` is not installed
        return None
    return SummaryWriter(str(folder))


def to_pixels(picture: Any) -> Tensor:
    """A Pillow picture as (H, W, 3) uint8."""
    raw = torch.frombuffer(bytearray(picture.convert("RGB").tobytes()), dtype=torch.uint8)
    return raw.view(picture.height, picture.width, 3)
