"""Lines of the log and TensorBoard's events."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from tiny_training import tiny_recipe

from facegen.core.batch import DataSpec
from facegen.training.runs.logger import RunLogger
from facegen.training.runs.run import Run


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
    logger = RunLogger(run)
    logger.log("train", 1, {"loss": value})
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


def test_tensorboard_forgets_steps_that_were_taken_back(run: Run) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for first, last in ((0, 8), (5, 9)):  # killed after step 8, and resumed from a checkpoint after step 5
        logger = RunLogger(run)
        if first == 0:
            logger.begin("match", 0)
            for step in range(1, 21):
                logger.log("match", step, {"loss": step})
        logger.begin("train", first)
        for step in range(first + 1, last + 1):
            logger.log("train", step, {"loss": 100 * first + step})
        logger.close()
    shown = {}
    for stage in ("match", "train"):
        events = EventAccumulator(str(run.path / "events" / stage)).Reload()
        shown[stage] = [(event.step, event.value) for event in events.Scalars(f"{stage}/loss")]
    assert shown["match"] == [(step, step) for step in range(1, 21)]
    assert shown["train"] == [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 506), (7, 507), (8, 508), (9, 509)]


def test_a_process_that_does_not_lead_writes_nothing(run: Run) -> None:
    before = sorted(run.path.iterdir())
    logger = RunLogger(run, writes=False)
    logger.begin("train", 0)
    logger.log("train", 1, {"loss": 1.0})
    logger.flush()
    logger.close()
    assert sorted(run.path.iterdir()) == before
