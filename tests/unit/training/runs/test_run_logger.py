"""Lines of the log, TensorBoard's events, and events of loggers."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_training import tiny_recipe

from facegen.core.batch import DataSpec
from facegen.core.errors import RecipeError, TrainingError
from facegen.core.interruption import Interruption
from facegen.core.kinds import KINDS
from facegen.core.logger_interface import Logger, RunInfo
from facegen.core.progress import Observer
from facegen.core.recipe.part_config import Recipe
from facegen.core.recipe.recipe import check_recipe
from facegen.core.registry import Part, Source, registry
from facegen.training.loop import Interrupted
from facegen.training.runs.run import Run
from facegen.training.runs.run_logger import RunLogger
from facegen.training.train import train
from facegen.training.trainer import Trainer


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "run", tiny_recipe(), DataSpec(16))


def logged(run: Run) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run.path / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    "value, text",
    [
        (1.23456789e-9, "1.23457e-09"),
        (-4.0000004e-7, "-4e-07"),
        (0.00012345678, "0.000123457"),
        (123456.789, "123457.0"),
        (9876543.21, "9876540.0"),
        (1e-42, "1e-42"),
        (0.0, "0.0"),
        (math.nan, "null"),
        (-math.inf, "null"),
    ],
)
def test_values_have_six_significant_digits(run: Run, value: float, text: str) -> None:
    logger = RunLogger(run, Observer())
    logger.step_logged("train", 1, {"loss": value})
    assert (run.path / "log.jsonl").read_text() == f'{{"stage": "train", "step": 1, "loss": {text}}}\n'


def test_what_came_later_is_taken_back(run: Run) -> None:
    for stage, step in (("match", 5), ("match", 9), ("train", 2), ("monitor", 2), ("train", 4), ("monitor", 4)):
        run.log(stage, step, {})
    (run.path / "samples").mkdir()
    for step in (2, 4):
        (run.path / "samples" / f"step_{step:08d}.png").touch()
    with (run.path / "log.jsonl").open("a") as file:
        file.write('{"stage": "tra')
    run.rewind("train", 3)
    assert [(line["stage"], line["step"]) for line in logged(run)] == [
        ("match", 5), ("match", 9), ("train", 2), ("monitor", 2),
    ]  # fmt: skip
    assert [path.name for path in (run.path / "samples").iterdir()] == ["step_00000002.png"]
    run.rewind("match", 5)
    assert [(line["stage"], line["step"]) for line in logged(run)] == [("match", 5)]
    assert not list((run.path / "samples").iterdir())


def test_lines_that_stay_are_not_rewritten(run: Run) -> None:
    text = '{"step":1,"stage":"train","of":"somebody else", "x":1e-05}\n'
    (run.path / "log.jsonl").write_text(text)
    run.rewind("train", 1)
    assert (run.path / "log.jsonl").read_text() == text


def test_tensorboard_forgets_steps_that_were_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = pytest.importorskip("tensorboard.summary.writer.event_file_writer")
    # Files of one second are read in the order of this number as text, where 10 comes before 9.
    monkeypatch.setattr(writer, "_global_uid", writer.AtomicCounter(0))
    run = Run.create(tmp_path / "run", recipe_with({"type": "tensorboard"}), DataSpec(16))
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for first, last in ((0, 8), (5, 9)):  # killed after step 8, and resumed from a checkpoint after step 5
        logger = RunLogger(run, Observer())
        if first == 0:
            logger.stage_started("match", 0)
            for step in range(1, 21):
                logger.step_logged("match", step, {"loss": step})
        logger.stage_started("train", first)
        for step in range(first + 1, last + 1):
            logger.step_logged("train", step, {"loss": 100 * first + step})
        logger.run_ended("finished")
    shown = {}
    for stage in ("match", "train"):
        events = EventAccumulator(str(run.path / "events" / stage)).Reload()
        shown[stage] = [(event.step, event.value) for event in events.Scalars(f"{stage}/loss")]
    assert shown["match"] == [(step, step) for step in range(1, 21)]
    assert shown["train"] == [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 506), (7, 507), (8, 508), (9, 509)]


def test_a_process_that_does_not_lead_writes_nothing(run: Run) -> None:
    before = sorted(run.path.iterdir())
    logger = RunLogger(run, Observer(), writes=False)
    logger.stage_started("train", 0)
    logger.step_logged("train", 1, {"loss": 1.0})
    logger.sync()
    logger.run_ended("finished")
    assert sorted(run.path.iterdir()) == before


class Recording(Logger):
    """Keeps the events; raises an exception at the one that is named."""

    def __init__(self, run: RunInfo, *, fails_in: str = "") -> None:
        self.run, self.fails_in = run, fails_in
        RECORDED.append(self)
        self.events: list[tuple[Any, ...]] = []

    def _record(self, event: str, *values: Any) -> None:
        self.events.append((event, *values))
        if event == self.fails_in:
            raise ValueError("the server is away")

    def run_started(self) -> None:
        self._record("run_started")

    def stage_started(self, stage: str, step: int) -> None:
        self._record("stage_started", stage, step)

    def step_logged(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        self._record("step_logged", stage, step, dict(values))

    def image(self, name: str, step: int, pixels: Any) -> None:
        self._record("image", name, step, pixels.shape, pixels.dtype)

    def checkpoint_saved(self, stage: str, step: int, folder: Path) -> None:
        assert (folder / "state.json").is_file()
        self._record("checkpoint_saved", stage, step, folder.name)

    def run_ended(self, status: str) -> None:
        self._record("run_ended", status)


RECORDED: list[Recording] = []


class Warnings(Observer):
    def __init__(self) -> None:
        self.messages: list[str] = []

    def warn(self, message: str) -> None:
        self.messages.append(message)


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> None:
    RECORDED.clear()
    part = Part(KINDS["logger"], "recording", Recording, Source("test", "test", "1"))
    monkeypatch.setitem(registry().parts["logger"], "recording", part)


def recipe_with(*loggers: dict[str, Any]) -> Recipe:
    recipe = tiny_recipe(game=True)
    return check_recipe({**recipe.tables, "logger": list(loggers)}, recipe.source)


def test_loggers_get_every_event_of_a_training_in_order(tmp_path: Path, recording: None) -> None:
    train(
        recipe_with({"type": "recording"}), tmp_path / "run", resume=False, observer=Observer(),
        interruption=Interruption(),
    )  # fmt: skip
    (logger,) = (logger for logger in RECORDED if logger.events)  # the dry run builds one, too
    assert logger.run.folder == tmp_path / "run" and logger.run.recipe["train"]["steps"] == 5
    names = [event[:3] for event in logger.events]
    assert names[0] == ("run_started",) and names[-1] == ("run_ended", "finished")
    assert [name for name in names if name[1:2] == ("match",)] == [
        ("stage_started", "match", 0), ("step_logged", "match", 2), ("checkpoint_saved", "match", 2),
        ("step_logged", "match", 3), ("checkpoint_saved", "match", 3),
    ]  # fmt: skip
    assert [name for name in names if name[1:2] in (("train",), ("samples",), ("monitor",))] == [
        ("stage_started", "train", 0), ("step_logged", "train", 2), ("step_logged", "monitor", 2),
        ("checkpoint_saved", "train", 3), ("step_logged", "train", 4), ("step_logged", "monitor", 4),
        ("image", "samples", 4), ("step_logged", "train", 5), ("step_logged", "monitor", 5), ("image", "samples", 5),
        ("checkpoint_saved", "train", 5),
    ]  # fmt: skip
    lines = {(line["stage"], line["step"]): line for line in Run.open(tmp_path / "run").read_log()}
    for _, stage, step, values in (event for event in logger.events if event[0] == "step_logged"):
        expected = lines[stage, step]
        assert values.keys() == expected.keys() - {"stage", "step"}
        assert all(values[name] == pytest.approx(expected[name], rel=1e-5) for name in values)
    image = next(event for event in logger.events if event[0] == "image")
    assert image[3][2] == 3 and image[4] == np.uint8


@pytest.mark.parametrize("event", ["run_started", "stage_started", "step_logged", "image", "checkpoint_saved"])
def test_a_logger_that_raises_is_reported_once_and_dropped(tmp_path: Path, recording: None, event: str) -> None:
    observer = Warnings()
    recipe = recipe_with({"type": "recording", "fails_in": event}, {"type": "recording"}, {"type": "csv"})
    run = train(recipe, tmp_path / "run", resume=False, observer=observer, interruption=Interruption())
    assert run.is_finished
    (message,) = (message for message in observer.messages if "logger" in message)
    assert message.startswith(f"plugin 'test' (package test 1): logger 'recording' fails in {event} ({__file__}:")
    assert "ValueError: the server is away; report it to the authors of test" in message
    assert message.endswith("; the run goes on without this logger")
    failing, healthy = (logger for logger in RECORDED if logger.events)
    assert failing.events[-1][0] == event and healthy.events[-1] == ("run_ended", "finished")
    assert (run.path / "csv" / "train.csv").is_file()


def test_loggers_learn_that_training_failed_or_was_interrupted(tmp_path: Path, recording: None) -> None:
    with pytest.raises(Interrupted):
        train(
            recipe_with({"type": "recording"}), tmp_path / "a", resume=False, observer=Observer(),
            interruption=stopping(),
        )  # fmt: skip
    assert RECORDED[-1].events[-1] == ("run_ended", "interrupted")
    (tmp_path / "b").mkdir()
    with pytest.raises(TrainingError), pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "match", fail_of_disk)
        train(
            recipe_with({"type": "recording"}), tmp_path / "b", resume=False, observer=Observer(),
            interruption=Interruption(),
        )  # fmt: skip
    assert RECORDED[-1].events == [("run_started",), ("run_ended", "failed")]


def stopping() -> Interruption:
    """Return a request to stop, which counts after the first step."""
    interruption = Interruption()
    interruption.signal_number = 2
    return interruption


def fail_of_disk(self: Trainer) -> None:
    raise OSError("no space left on device")


def test_a_resumed_run_takes_the_loggers_of_the_recipe(tmp_path: Path, recording: None) -> None:
    with pytest.raises(Interrupted):
        train(
            recipe_with({"type": "csv"}), tmp_path / "run", resume=False, observer=Observer(), interruption=stopping()
        )
    resumed = train(
        recipe_with({"type": "recording"}), tmp_path / "run", resume=True, observer=Observer(),
        interruption=Interruption(),
    )  # fmt: skip
    assert RECORDED[-1].events[-1] == ("run_ended", "finished")
    assert [config.name for config in resumed.recipe.configs["logger"]] == ["recording"]
    assert Run.open(resumed.path).recipe.tables == resumed.recipe.tables


def test_a_wrong_setting_is_an_error_before_training(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"\[logger\] folder is not a key here"):
        recipe_with({"type": "csv", "folder": "x"})
