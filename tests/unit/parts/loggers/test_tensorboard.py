"""TensorBoard events of images and evaluations; those of steps are tested with the run's log."""

import sys
from pathlib import Path

import numpy as np
import pytest

from facegen.core.errors import PluginError
from facegen.core.evidence import Figure
from facegen.core.logger_interface import Evaluation, RunInfo
from facegen.parts.loggers.tensorboard import Tensorboard


def test_images_and_figures_are_readable(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logger = Tensorboard(RunInfo(tmp_path, {}, {}))
    logger.run_started()
    logger.stage_started("train", 0)
    logger.image("samples", 4, np.full((6, 8, 3), 200, np.uint8))
    logger.checkpoint_saved("train", 4, tmp_path)
    (image,) = EventAccumulator(str(tmp_path / "events" / "train")).Reload().Images("samples")
    assert (image.step, image.width, image.height) == (4, 8, 6)
    logger.run_ended("finished")
    figure = Figure("matching.v2f", "V-F", 0.25)
    logger.evaluation_finished(Evaluation("heldout_people", 4, {figure.key: figure}, tmp_path / "x.md", None))
    (event,) = EventAccumulator(str(tmp_path / "events" / "evaluation")).Reload().Scalars("heldout_people/matching.v2f")
    assert (event.step, event.value) == (4, 0.25)


def test_a_missing_package_is_named_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(PluginError, match=r"install it with `pip install 'facegen\[viewer\]'`"):
        Tensorboard(RunInfo(tmp_path, {}, {})).run_started()
