from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegen.core.errors import PluginError
from facegen.core.logger_interface import Evaluation, Logger, RunInfo, Status


class Tensorboard(Logger):
    """TensorBoard events in the folder events/ of the run; `tensorboard --logdir runs` shows them.

    Each stage, and the evaluations, have a folder of their own, because TensorBoard discards steps by folder.

    Engine:
        run: supplies the run folder.
    Source:
        Ours; https://www.tensorflow.org/tensorboard.
    """

    def __init__(self, run: RunInfo) -> None:
        self._folder = run.folder / "events"
        self._writer: Any = None

    def run_started(self) -> None:
        _writer_class()

    def stage_started(self, stage: str, step: int) -> None:
        self._close()
        self._writer = _writer_class()(str(self._folder / stage), purge_step=step + 1)

    def step_logged(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(f"{stage}/{name}", value, step)

    def image(self, name: str, step: int, pixels: NDArray[np.uint8]) -> None:
        self._writer.add_image(name, pixels, step, dataformats="HWC")

    def checkpoint_saved(self, stage: str, step: int, folder: Path) -> None:
        self._writer.flush()

    def evaluation_finished(self, evaluation: Evaluation) -> None:
        with _writer_class()(str(self._folder / "evaluation")) as writer:
            for key, figure in evaluation.figures.items():
                writer.add_scalar(f"{evaluation.name}/{key}", figure.value, evaluation.step or 0)

    def run_ended(self, status: Status) -> None:
        self._close()

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _writer_class() -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise PluginError(f"{error}; install it with `pip install 'facegen[viewer]'`") from error
    return SummaryWriter
