"""Killed and resumed runs: they equal an unbroken run in weights, log, pictures, TensorBoard."""

import itertools
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from faults import Killed, failing
from safetensors.torch import load_file
from tiny_training import WatchedWalk, tiny_recipe, train_walks

from facegen.training.runs.run import Run

RECIPE = tiny_recipe()


@pytest.fixture(autouse=True, scope="module")
def _fast() -> Iterator[None]:
    """Switch off syncing of the disk, and reading the packages' versions each time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("facegen.training.runs.run.version", lambda _: "1")
        patch.setattr("os.fsync", lambda _: None)
        yield


def log_of(run: Path) -> list[dict[str, Any]]:
    """Return the lines of a run's log without times; each must be complete."""
    lines = (run / "log.jsonl").read_text().splitlines()
    return [{key: value for key, value in json.loads(line).items() if key != "steps_per_second"} for line in lines]


def content_of(run: Path) -> tuple[Any, ...]:
    """Return the content of a run folder without times: files, log, weights and optimisers, pictures."""
    files = sorted(str(path.relative_to(run)) for path in run.rglob("*"))
    tensors = {
        f"{path.relative_to(run)} {key}": value.tolist()
        for path in run.rglob("*.safetensors")
        for key, value in load_file(path).items()
    }
    return files, log_of(run), tensors, [path.read_bytes() for path in sorted(run.rglob("*.png"))]


@pytest.fixture(scope="module")
def unbroken(_fast: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, ...]:
    folder = tmp_path_factory.mktemp("unbroken")
    train_walks(folder / "unbroken", RECIPE)
    return content_of(folder / "unbroken")


def test_killed_at_every_operation_on_the_disk(tmp_path: Path, unbroken: tuple[Any, ...]) -> None:
    operations = set()
    for last in itertools.count():
        run = tmp_path / str(last)
        with failing(last, Killed()) as disk, suppress(Killed):
            train_walks(run, RECIPE)
        if disk.failed.startswith("fsync"):
            continue  # nothing has changed on the disk before the next operation
        train_walks(run, RECIPE)
        assert content_of(run) == unbroken, disk.failed
        operations.add(disk.failed.partition(" ")[0])
        if not disk.failed:
            break
    assert last > 80 and operations >= {"mkdir", "open", "replace", "rename", "unlink", "rmdir"}


def test_killed_again_and_again(tmp_path: Path, unbroken: tuple[Any, ...]) -> None:
    """Each attempt comes a few operations further than what resuming alone takes."""
    for last in itertools.count(20, 3):
        with failing(last, Killed()) as disk, suppress(Killed):
            train_walks(tmp_path / "run", RECIPE)
        if not disk.failed:
            break
    assert last > 26 and content_of(tmp_path / "run") == unbroken


@pytest.mark.parametrize("at_step", range(11))
def test_killed_after_every_step(
    tmp_path: Path, at_step: int, monkeypatch: pytest.MonkeyPatch, unbroken: tuple[Any, ...]
) -> None:
    """Each stage has 5 steps, a log line every 2 and a checkpoint every 3; there is no step 10 to be killed after."""
    steps, step = itertools.count(), WatchedWalk.step

    def killed(walk: WatchedWalk, number: int) -> dict[str, torch.Tensor]:
        if next(steps) == at_step:
            raise Killed
        return step(walk, number)

    monkeypatch.setattr(WatchedWalk, "step", killed)
    with suppress(Killed):
        train_walks(tmp_path / "run", RECIPE)
    train_walks(tmp_path / "run", RECIPE)
    assert content_of(tmp_path / "run") == unbroken


@pytest.mark.parametrize("line", range(8))
def test_killed_while_a_line_is_written(
    tmp_path: Path, line: int, monkeypatch: pytest.MonkeyPatch, unbroken: tuple[Any, ...]
) -> None:
    lines, log = itertools.count(), Run.log

    def cut(run: Run, *args: Any) -> None:
        log(run, *args)
        if next(lines) == line:
            path = run.path / "log.jsonl"
            path.write_bytes(path.read_bytes()[:-20])
            raise Killed

    monkeypatch.setattr(Run, "log", cut)
    with suppress(Killed):
        train_walks(tmp_path / "run", RECIPE)
    assert len((tmp_path / "run" / "log.jsonl").read_text().splitlines()) == line + 1
    train_walks(tmp_path / "run", RECIPE)
    assert content_of(tmp_path / "run") == unbroken


def test_a_full_disk_keeps_the_last_checkpoint(tmp_path: Path, unbroken: tuple[Any, ...]) -> None:
    full = OSError(28, "No space left on device")
    for last in range(0, 110, 6):
        run = tmp_path / str(last)
        with failing(last, full), suppress(OSError):
            train_walks(run, RECIPE)
        for folder in run.glob("checkpoints/[mt]*"):
            assert {path.name for path in folder.iterdir()} >= {"network.safetensors", "state.json"}
        train_walks(run, RECIPE)
        assert content_of(run) == unbroken
