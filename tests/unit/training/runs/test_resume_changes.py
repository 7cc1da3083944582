"""Runs that are resumed with other settings: they go on, say what was changed, and are refused what they cannot do."""

import itertools
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from faults import Killed, failing
from safetensors.torch import load_file
from tiny_training import tiny_recipe

from facegen.core.errors import CheckpointError, TrainingError
from facegen.core.interruption import Interruption
from facegen.core.progress import Observer
from facegen.core.recipe.part_config import Recipe
from facegen.core.recipe.recipe import read_recipe
from facegen.training import train
from facegen.training.build import build_networks
from facegen.training.optimisers import learning_rate, match_learning_rate
from facegen.training.runs.resume_changes import apply_changes, resume_changes
from facegen.training.runs.run import Run


class Listening(Observer):
    def __init__(self) -> None:
        self.messages: list[str] = []

    def say(self, message: str) -> None:
        self.messages.append(message)


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace slow calls that write nothing: the dry run, syncing of the disk."""
    monkeypatch.setattr(train, "dry_run", lambda recipe, data, _: build_networks(recipe, data))
    monkeypatch.setattr("os.fsync", lambda _: None)


def go(out: Path, recipe: Recipe) -> list[str]:
    observer = Listening()
    train.train(recipe, out, resume=True, observer=observer, interruption=Interruption())
    return observer.messages


def weights(folder: Path) -> dict[str, torch.Tensor]:
    files = sorted(folder.glob("*.safetensors"))
    return {f"{path.stem} {key}": value for path in files for key, value in load_file(path).items()}


def are_equal(one: Path, other: Path) -> bool:
    first, second = weights(one), weights(other)
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


def changes(run: Path) -> list[tuple[str, int, str, Any, Any]]:
    records = Run.open(run).changes
    return [(record.stage, record.step, record.key, record.before, record.after) for record in records]


def test_more_train_steps_go_on_as_if_they_had_been_asked_for_at_first(tmp_path: Path) -> None:
    run, whole = tmp_path / "a" / "run", tmp_path / "b" / "run"
    go(run, tiny_recipe(game=True))
    messages = go(run, tiny_recipe(game=True, train__steps=8))
    go(whole, tiny_recipe(game=True, train__steps=8))
    assert are_equal(Run.open(run).generator_checkpoint(), Run.open(whole).generator_checkpoint())
    assert changes(run) == [("train", 5, "train.steps", 5, 8)]
    assert "changed from train step 5: train.steps = 5 -> 8" in messages
    assert Run.open(run).recipe.train.steps == 8 and Run.open(run).is_finished  # type: ignore[union-attr]
    with pytest.raises(CheckpointError, match=r"train.steps \(8 in the run, 5 in the recipe: may only become larger\)"):
        go(run, tiny_recipe(game=True))


def test_half_cosines_follow_the_new_number_of_steps(tmp_path: Path) -> None:
    rates = {"train__generator": {"learning_rate": 1e-3, "learning_rate_end": 1e-4}}
    go(tmp_path / "run", tiny_recipe(game=True, **rates))
    longer = tiny_recipe(game=True, train__steps=10, **rates)
    messages = go(tmp_path / "run", longer)
    assert longer.train is not None
    now = learning_rate(longer.train.generator, 5, 10)
    assert now == pytest.approx((1e-3 + 1e-4) / 2)
    assert f"the generator's learning rate of train step 6 is {now:.3g}, and was 0.0001 before the change" in messages
    assert not any("discriminator's" in message for message in messages)


def test_ramps_that_end_with_the_stage_follow_the_new_number_of_steps(tmp_path: Path) -> None:
    ramp = {"objective__generator_identity_weight": {"start": 2.0, "end": 1.0}}
    go(tmp_path / "run", tiny_recipe(game=True, **ramp))
    messages = go(tmp_path / "run", tiny_recipe(game=True, train__steps=10, **ramp))
    assert "objective.0.generator_identity_weight of train step 6 is 1.5, and was 1 before the change" in messages
    with pytest.raises(CheckpointError, match=r"weight \({ start = 2\.0, end = 1\.0, [^}]*} in the run, 3\.0"):
        go(tmp_path / "run", tiny_recipe(game=True, objective__generator_identity_weight=3.0))


def test_a_finished_match_stage_goes_on(tmp_path: Path) -> None:
    run, whole = tmp_path / "a" / "run", tmp_path / "b" / "run"
    go(run, tiny_recipe())
    key = (run / "checkpoints" / "match" / "state.json").read_text()
    messages = go(run, tiny_recipe(match__steps=6))
    assert changes(run) == [("match", 3, "match.steps", 3, 6)]
    rate = match_learning_rate(tiny_recipe(match__steps=6).config("matcher").engine, 3)
    assert any(f"the learning rate of match step 4 is {rate:.3g}" in message for message in messages)
    assert [entry["step"] for entry in Run.open(run).read_log()] == [2, 3, 4, 6]
    go(whole, tiny_recipe(match__steps=6))
    names = [sorted(path.name for path in (folder / "checkpoints").iterdir()) for folder in (run, whole)]
    assert names == [["match"], ["match"]]
    assert '"key": null' not in key and '"key": null' in (run / "checkpoints" / "match" / "state.json").read_text()


@pytest.mark.parametrize(
    ("first", "then", "message"),
    [
        ({}, {"match__learning_rate": 0.5}, "the match stage is finished, and goes on only with more match.steps"),
        ({"game": True}, {"game": True, "match__steps": 9}, "the match stage is over, as the train stage has begun"),
    ],
)
def test_a_match_stage_that_cannot_go_on(
    tmp_path: Path, first: dict[str, Any], then: dict[str, Any], message: str
) -> None:
    go(tmp_path / "run", tiny_recipe(**first))
    before = sorted(path.name for path in tmp_path.rglob("*"))
    with pytest.raises(CheckpointError, match=message):
        go(tmp_path / "run", tiny_recipe(**then))
    assert sorted(path.name for path in tmp_path.rglob("*")) == before and not changes(tmp_path / "run")


def test_a_copied_match_stage_has_no_optimiser_to_go_on_with(tmp_path: Path) -> None:
    go(tmp_path / "first", tiny_recipe())
    go(tmp_path / "second", tiny_recipe())
    with pytest.raises(CheckpointError, match="was copied from another run, without its optimiser"):
        go(tmp_path / "second", tiny_recipe(match__steps=9))


def test_killed_while_a_change_is_recorded(tmp_path: Path) -> None:
    recipe, longer = tiny_recipe(), tiny_recipe(match__steps=6, match__learning_rate=0.5)
    go(tmp_path / "first", recipe)
    for last in itertools.count():
        run = Run.open(shutil.copytree(tmp_path / "first", tmp_path / str(last)))
        with failing(last, Killed()) as disk, suppress(Killed):
            apply_changes(run, longer, resume_changes(run, longer))
        run = Run.open(run.path)
        if run.recipe.values != longer.values:
            if last % 2:  # resumed as it was started
                assert resume_changes(run, recipe) == []
            apply_changes(run, longer, resume_changes(run, longer))
        assert changes(run.path) == [("match", 3, "match.learning_rate", 0.01, 0.5), ("match", 3, "match.steps", 3, 6)]
        assert [path.name for path in (run.path / "checkpoints").iterdir()] == ["match-00000003"]
        assert Run.open(run.path).recipe.values == longer.values
        if not disk.failed:
            break
    assert last > 5


def test_a_diverged_run_goes_on_with_a_lower_rate(tmp_path: Path) -> None:
    wild = tiny_recipe(game=True, train__generator={"learning_rate": 1e30}, train__steps=40)
    for _ in range(2):  # a resumed run meets the same value again
        with pytest.raises(TrainingError, match=r"no longer a finite.* --set train.generator.learning_rate=5e\+29"):
            go(tmp_path / "run", wild)
    overrides = ("train.generator.learning_rate=1e-4",)
    messages = go(tmp_path / "run", read_recipe(tmp_path / "run", overrides=overrides))
    assert Run.open(tmp_path / "run").is_finished
    (change,) = changes(tmp_path / "run")
    assert change[2:] == ("train.generator.learning_rate", 1e30, 1e-4)
    assert any("the generator's learning rate of train step" in message for message in messages)
