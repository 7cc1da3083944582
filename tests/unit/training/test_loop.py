"""The loop of a stage, with a stage small enough to follow by hand."""

import math
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from tiny_training import Walk
from torch import nn

from facegen.core.errors import CheckpointError, TrainingError
from facegen.core.interruption import Interruption
from facegen.core.progress import Observer
from facegen.training.distributed import Distributed
from facegen.training.loop import Interrupted, run_stage

WORLD = Distributed(0, 1, torch.device("cpu"))


class FakeRun:
    def __init__(self, path: Path) -> None:
        self.path = path

    def checkpoint_folder(self, stage: str, step: int) -> Path:
        return self.path / f"{stage}-{step:08d}"

    def newest(self, stage: str) -> tuple[Path, int] | None:
        checkpoints = sorted(self.path.glob(f"{stage}-*"))
        return (checkpoints[-1], int(checkpoints[-1].name[-8:])) if checkpoints else None

    def prune_checkpoints(self, stage: str, keep: int) -> None: ...


class FakeLogger:
    def __init__(self) -> None:
        self.lines: list[tuple[int, dict[str, float]]] = []

    def step_logged(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        self.lines.append((step, dict(values)))

    def stage_started(self, stage: str, step: int) -> None: ...

    def sync(self) -> None: ...

    def checkpoint_saved(self, stage: str, step: int, folder: Path) -> None: ...


def run(walk: Walk, path: Path, interruption: Interruption | None = None) -> FakeLogger:
    logger = FakeLogger()
    interruption = interruption or Interruption()
    run_stage(walk, FakeRun(path), 0, WORLD, Observer(), logger, interruption)  # type: ignore[arg-type]
    return logger


def test_measures_are_means_since_the_last_line(tmp_path: Path) -> None:
    lines = run(Walk(), tmp_path).lines
    assert [step for step, _ in lines] == [4, 8, 12]
    assert [values["index"] for _, values in lines] == [1.5, 5.5, 9.5]


def test_a_resumed_stage_repeats_an_unbroken_one(tmp_path: Path) -> None:
    whole, first, second = Walk(), Walk(lambda step: None), Walk()
    run(whole, tmp_path / "whole")

    def crash(step: int) -> None:
        if step == 10:
            raise ConnectionError("the power failed")

    first.at_step = crash
    with pytest.raises(ConnectionError):
        run(first, tmp_path / "broken")
    run(second, tmp_path / "broken")
    assert torch.equal(whole.network.weight, second.network.weight)
    assert torch.equal(whole.network.bias, second.network.bias)


def test_a_request_to_stop_saves_first(tmp_path: Path) -> None:
    interruption = Interruption()
    with interruption.listening(), pytest.raises(Interrupted) as stopped:
        run(Walk(lambda step: signal.raise_signal(signal.SIGTERM) if step == 6 else None), tmp_path, interruption)
    assert (stopped.value.signal_number, stopped.value.step) == (signal.SIGTERM, 7)
    assert (tmp_path / "walk-00000007" / "network.safetensors").exists()


def test_divergence_stops_and_keeps_the_last_good_checkpoint(tmp_path: Path) -> None:
    walk = Walk()

    def poison(step: int) -> None:
        if step == 6:
            walk.network.weight.data.fill_(math.nan)

    walk.at_step = poison
    with pytest.raises(TrainingError, match=r"walk step 8: loss is no longer a finite number.*walk-00000004"):
        run(walk, tmp_path)
    assert [folder.name for folder in sorted(tmp_path.iterdir())] == ["walk-00000004"]


def test_weights_are_checked_before_they_are_saved(tmp_path: Path) -> None:
    walk = Walk()

    def poison(step: int) -> None:
        if step == 7:
            walk.modules["other"] = nn.Linear(1, 1)
            walk.modules["other"].weight.data.fill_(math.inf)

    walk.at_step = poison
    with pytest.raises(TrainingError, match=r"the weight other\.weight is no longer a finite number"):
        run(walk, tmp_path)


def test_means_go_on_from_a_checkpoint_between_two_lines(tmp_path: Path) -> None:
    """Lines after 5 and 10 steps, checkpoints after 4, 8 and 12; killed at the tenth step."""
    sizes = {"log_steps": 5, "checkpoint_steps": 4}

    def crash(step: int) -> None:
        if step == 9:
            raise ConnectionError("the power failed")

    whole = run(Walk(**sizes), tmp_path / "whole").lines
    with pytest.raises(ConnectionError):
        run(Walk(crash, **sizes), tmp_path / "broken")
    resumed = run(Walk(**sizes), tmp_path / "broken").lines
    assert [(step, values["index"]) for step, values in resumed] == [(10, 7.0), (12, 10.5)]
    assert [values["loss"] for _, values in resumed] == [values["loss"] for _, values in whole[1:]]


def test_a_measure_that_is_not_finite_is_not_saved(tmp_path: Path) -> None:
    walk = Walk(log_steps=12)
    step = walk.step
    walk.step = lambda number: {**step(number), "loss": torch.tensor(math.nan)}  # type: ignore[method-assign]
    with pytest.raises(TrainingError, match=r"walk step 4: loss is no longer a finite number"):
        run(walk, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_moment_that_is_not_finite_is_not_saved(tmp_path: Path) -> None:
    walk = Walk()

    def poison(step: int) -> None:
        if step == 7:
            walk.optimisers["network"].state[walk.network.bias]["momentum_buffer"].fill_(math.inf)
            walk.optimisers["network"].param_groups[0]["lr"] = 0.0

    walk.at_step = poison
    with pytest.raises(TrainingError, match=r"network\.1\.momentum_buffer is no longer a finite number"):
        run(walk, tmp_path)


@pytest.mark.parametrize(
    "batch_size, num_processes, complaint",
    [
        (4, 2, r"was trained by 1 processes, and now there are 2: .*a single process, without torchrun"),
        (8, 1, r"was trained with \[walk\] batch_size = 4, and the recipe says 8: .*set 4 again"),
    ],
)
def test_another_number_of_processes_or_batch_is_refused(
    tmp_path: Path, batch_size: int, num_processes: int, complaint: str
) -> None:
    run(Walk(steps=4), tmp_path)
    stage, world = Walk(batch_size=batch_size), Distributed(1, num_processes, torch.device("cpu"))
    before = stage.network.weight.clone()
    with pytest.raises(CheckpointError, match=rf"walk-00000004: {complaint}"):
        run_stage(stage, FakeRun(tmp_path), 0, world, Observer(), FakeLogger(), Interruption())  # type: ignore[arg-type]
    assert torch.equal(before, stage.network.weight)


def test_the_call_for_several_processes_is_told(tmp_path: Path) -> None:
    run(Walk(steps=4), tmp_path)
    state = tmp_path / "walk-00000004" / "state.json"
    state.write_text(state.read_text().replace('"num_processes": 1', '"num_processes": 4'))
    with pytest.raises(CheckpointError, match=r"trained by 4 processes, and now there are 1: .*--nproc-per-node 4 "):
        run(Walk(), tmp_path)


def test_another_device_is_warned_about(tmp_path: Path) -> None:
    run(Walk(steps=4), tmp_path)
    state = tmp_path / "walk-00000004" / "state.json"
    state.write_text(state.read_text().replace('"cpu"', '"cuda"'))
    warnings: list[str] = []
    observer = Observer()
    observer.warn = warnings.append  # type: ignore[method-assign]
    run_stage(Walk(), FakeRun(tmp_path), 0, WORLD, observer, FakeLogger(), Interruption())  # type: ignore[arg-type]
    assert len(warnings) == 1 and "was trained on cuda and is resumed on cpu" in warnings[0]
