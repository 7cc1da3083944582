"""The match stage and its transition to training: killed, shared, resumed with encodings that are computed once."""

import itertools
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from faults import Killed, failing
from safetensors.torch import load_file, save_file
from tiny_training import tiny_recipe

from facegen.core.errors import CheckpointError, TrainingError
from facegen.core.interfaces import Penalty
from facegen.core.interruption import Interruption
from facegen.core.progress import Observer
from facegen.core.recipe.part_config import Recipe
from facegen.inference.load import load_face_pipeline, load_matching
from facegen.training import train
from facegen.training.build import build_networks
from facegen.training.gan_stage import gan_modules
from facegen.training.loop import Interrupted
from facegen.training.runs.run import Run


class Listening(Observer):
    def __init__(self) -> None:
        self.messages: list[str] = []

    def say(self, message: str) -> None:
        self.messages.append(message)

    warn = say


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Replace slow calls that write nothing: the dry run, syncing of the disk."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(train, "dry_run", lambda recipe, data, _: build_networks(recipe, data))
    monkeypatch.setattr("facegen.training.runs.run.version", lambda _: "1")
    monkeypatch.setattr("os.fsync", lambda _: None)


def go(out: Path, recipe: Recipe, interruption: Interruption | None = None) -> list[str]:
    observer = Listening()
    train.train(recipe, out, resume=True, observer=observer, interruption=interruption or Interruption())
    return observer.messages


def weights(run: Path) -> dict[str, Any]:
    return {
        f"{path.relative_to(run)} {key}": value.tolist()
        for path in sorted(run.rglob("*.safetensors"))
        for key, value in load_file(path).items()
    }


def names(run: Path) -> list[str]:
    return sorted(str(path.relative_to(run)) for path in run.rglob("*"))


def steps(run: Path) -> list[tuple[str, int]]:
    return [(entry["stage"], entry["step"]) for entry in Run.open(run).read_log()]


def test_killed_while_the_match_stage_is_handed_over(tmp_path: Path) -> None:
    recipe = tiny_recipe()
    go(tmp_path / "whole" / "run", recipe)
    failed = set()
    for last in itertools.count(60):
        run = tmp_path / str(last) / "run"
        with failing(last, Killed()) as disk, suppress(Killed):
            go(run, recipe)
        if disk.failed.startswith("fsync"):
            continue
        failed.add(disk.failed.replace(str(run), ""))
        assert go(run, recipe) == []
        assert weights(run) == weights(tmp_path / "whole" / "run")
        assert (names(run), steps(run)) == (names(tmp_path / "whole" / "run"), [("match", 2), ("match", 3)])
        if not disk.failed:
            break
    assert any("rename" in name and ".match." in name for name in failed)
    assert any("replace" in name and "match-00000003" in name for name in failed)


def test_killed_while_a_match_stage_is_taken_over(tmp_path: Path) -> None:
    recipe = tiny_recipe()
    go(tmp_path / "runs" / "first", recipe)
    for last in itertools.count():
        run = tmp_path / "runs" / "second"
        shutil.rmtree(run, ignore_errors=True)
        with failing(last, Killed()) as disk, suppress(Killed):
            go(run, recipe)
        if disk.failed.startswith("fsync"):
            continue
        go(run, recipe)
        first = weights(tmp_path / "runs" / "first")
        assert weights(run) == {key: value for key, value in first.items() if "optimiser" not in key}
        assert steps(run) == []
        only_first = {"log.jsonl", "checkpoints/match/match_optimiser.safetensors"}
        assert set(names(run)) | only_first == set(names(tmp_path / "runs" / "first"))
        if not disk.failed:
            break
    assert last > 20


class After(Interruption):
    """An interruption that asks to stop after a number of queries."""

    def __init__(self, num_steps: int) -> None:
        self._looks, self._num_steps = itertools.count(1), num_steps

    @property
    def signal_number(self) -> int:  # type: ignore[override]
        return 15 if next(self._looks) >= self._num_steps else 0


def test_frozen_encoders_are_those_that_the_resumed_stage_started_from(tmp_path: Path) -> None:
    """Encodings are computed once, before the checkpoint is loaded into the stage: they must be of its weights."""
    earlier = tmp_path / "earlier" / "run"
    go(earlier, tiny_recipe())
    recipe = tiny_recipe(
        match__start=str(earlier), match__freeze_conditioner=True, match__steps=6, data__crop="fixed"
    )  # fmt: skip
    go(tmp_path / "whole" / "run", recipe)
    with pytest.raises(Interrupted):
        go(tmp_path / "parts" / "run", recipe, After(3))
    shutil.rmtree(earlier)
    go(tmp_path / "parts" / "run", recipe)
    assert weights(tmp_path / "parts" / "run") == weights(tmp_path / "whole" / "run")


@pytest.mark.parametrize("num_steps", range(1, 9))
def test_a_run_of_both_stages_stopped_after_any_step(tmp_path: Path, num_steps: int, whole: Path) -> None:
    run = tmp_path / "parts" / "tiny"
    recipe = tiny_recipe(game=True)
    # The last step of the match stage is no place to stop: the next one is the train stage's first.
    with suppress(Interrupted):
        go(run, recipe, After(num_steps))
    go(run, recipe)
    assert weights(run) == weights(whole)
    assert _log(run) == _log(whole)
    assert {path.name: path.read_bytes() for path in (run / "samples").iterdir()} == {
        path.name: path.read_bytes() for path in (whole / "samples").iterdir()
    }


@pytest.mark.parametrize("balance", ["person", "sex"])
def test_a_balanced_run_goes_on_exactly_and_differs_from_a_plain_one(tmp_path: Path, balance: str) -> None:
    recipe = tiny_recipe(game=True, data__balance=balance, data__clips_per_person=3)
    unbroken, run = tmp_path / "unbroken" / "tiny", tmp_path / "parts" / "tiny"
    go(unbroken, recipe)
    for num_steps in (2, 3):
        with suppress(Interrupted):
            go(run, recipe, After(num_steps))
    go(run, recipe)
    assert weights(run) == weights(unbroken)
    plain = tmp_path / "plain" / "tiny"
    go(plain, tiny_recipe(game=True, data__clips_per_person=3))
    assert weights(run) != weights(plain)


def test_a_split_larger_than_all_batches_is_not_encoded_beforehand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[int] = []

    def encode(rows: object, chosen: torch.Tensor, *_: object) -> torch.Tensor:
        encoded.append(len(chosen))
        return torch.zeros(len(chosen), 4)

    monkeypatch.setattr("facegen.training.encodings.encode_rows", encode)
    for num_people in (20, 21):  # 5 steps of 4 rows
        go(
            tmp_path / str(num_people) / "tiny",
            tiny_recipe(game=True, data__num_people=num_people, conditioner__trained="frozen"),
        )
    assert encoded == [20]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train both stages without an interruption, and return the run folder."""
    run = tmp_path_factory.mktemp("whole") / "tiny"
    train.train(tiny_recipe(game=True), run, resume=False, observer=Observer(), interruption=Interruption())
    return run


def poison(path: Path) -> None:
    """Write NaN into one value of the first float tensor of a file of weights."""
    tensors = load_file(path)
    key = next(key for key in sorted(tensors) if tensors[key].is_floating_point())
    tensors[key].view(-1)[0] = float("nan")
    save_file(tensors, path)


CPU = torch.device("cpu")
LOADS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "draw": ("train-00000005/ema", lambda run: load_face_pipeline(Run.open(run), CPU)),
    "match": ("match/encoders", lambda run: load_matching(Run.open(run), CPU)),
    "resume": ("train-00000005/generator_optimiser", lambda run: go(run, tiny_recipe(game=True))),
    "resume after match": ("match/discriminator", lambda run: go(run, tiny_recipe(game=True))),
    "match.run": ("match/matcher", lambda run: go(run.parent / "new", tiny_recipe(match__run=str(run)))),
    "match.start": ("match/discriminator", lambda run: go(run.parent / "new", tiny_recipe(match__start=str(run)))),
}


@pytest.mark.parametrize("load", LOADS)
def test_weights_that_are_not_finite_are_refused_wherever_they_are_loaded(
    tmp_path: Path, whole: Path, load: str
) -> None:
    file, use = LOADS[load]
    shutil.copytree(whole, tmp_path / "tiny")
    poison(tmp_path / "tiny" / "checkpoints" / f"{file}.safetensors")
    with pytest.raises(CheckpointError, match=rf"{file}\.safetensors: tensor '.+' holds NaN or infinity in 1 of \d+ "):
        use(tmp_path / "tiny")


def test_a_damaged_match_stage_beside_it_is_not_taken_over(tmp_path: Path, whole: Path) -> None:
    shutil.copytree(whole, tmp_path / "tiny")
    assert len(go(tmp_path / "second", tiny_recipe())) == 1
    poison(tmp_path / "tiny" / "checkpoints" / "match" / "encoders.safetensors")
    shutil.rmtree(tmp_path / "second")
    assert go(tmp_path / "third", tiny_recipe()) == []
    assert steps(tmp_path / "third") == [("match", 2), ("match", 3)]


def test_a_full_disk_is_told_with_what_to_do(tmp_path: Path) -> None:
    full = OSError(28, "No space left on device")
    expected = (
        r"run: .*no space is left on the disk; checkpoints that were complete before are unchanged; .*--resume"
    )
    with failing(33, full), pytest.raises(TrainingError, match=expected):
        go(tmp_path / "run", tiny_recipe())
    go(tmp_path / "run", tiny_recipe())
    assert steps(tmp_path / "run") == [("match", 2), ("match", 3)]


def _log(run: Path) -> list[dict[str, Any]]:
    entries = Run.open(run).read_log()
    assert len(entries) == len((run / "log.jsonl").read_text().splitlines())
    return [{key: value for key, value in entry.items() if key != "steps_per_second"} for entry in entries]


class RunningMean(Penalty):
    """A penalty with a state of its own, such as the running mean of path-length regularisation."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))


def test_the_state_of_a_penalty_is_saved_too() -> None:
    recipe = tiny_recipe(game=True)
    networks = build_networks(recipe, train.open_dataset(recipe).spec)
    assert not [name for name in gan_modules(networks) if name.startswith("penalty")]
    penalty = RunningMean()
    networks = replace(networks, penalties={"path": (penalty, 4)})
    assert gan_modules(networks)["penalty_path"] is penalty
