"""Cached match stages: the recipes that share one, and the search for it."""

from pathlib import Path
from typing import Any

import pytest
import torch

from facegen.core.batch import DataSpec
from facegen.core.recipe.recipe import Recipe, check_recipe
from facegen.training.build import build_networks
from facegen.training.distributed import Distributed
from facegen.training.match import match_modules
from facegen.training.runs import match_cache
from facegen.training.runs.checkpoint import save_checkpoint
from facegen.training.runs.match_cache import find_cached_match, match_key
from facegen.training.runs.run import Run
from facegen.training.train import open_dataset

WORLD = Distributed(0, 1, torch.device("cpu"))
DATA = DataSpec(16, identities=tuple("abcdef"), columns=frozenset({"faces", "identity"}))
TABLES: dict[str, Any] = {
    "run": {"name": "one", "seed": 3},
    "data": {"type": "synthetic", "image_pixels": 16},
    "conditioner": {"type": "one_hot", "condition_dim": 6},
    "discriminator": {"type": "projection", "width": 4, "max_width": 8},
    "augment": {"type": "diff_augment"},
    "match": {"type": "softmax", "steps": 5},
}
GAME = {"generator": {"type": "adain", "width": 4}, "objective": {"type": "relid"}, "train": {}}


def recipe(**changes: Any) -> Recipe:
    tables = {**TABLES}
    for key, value in changes.items():
        table, _, name = key.partition("__")
        tables[table] = {**tables[table], name: value} if name else value
    return check_recipe(tables, "test.toml")


def key(chosen: Recipe, distributed: Distributed = WORLD) -> str | None:
    return match_key(chosen, open_dataset(chosen), distributed)


@pytest.mark.parametrize(
    "same",
    [
        GAME,
        {"run__name": "two", "run__device": "cpu"},
        {"conditioner__trained": "frozen"},
        {"data__resident_gib": 1.0, "match__log_steps": 7, "match__checkpoint_steps": 9},
        {"augment__policy": ["color"]},  # its [match] does not augment
        {"match__learning_rate": 0.01},  # the default, written
    ],
)
def test_what_does_not_change_it(same: dict[str, Any]) -> None:
    assert key(recipe(**same)) == key(recipe())


@pytest.mark.parametrize(
    "other",
    [
        {"run__seed": 4},
        {"run__precision": "bf16"},
        {"data__mirror": True},
        {"data__num_people": 50},
        {"conditioner__condition_dim": 7},
        {"discriminator__width": 5},
        {"match__steps": 6},
        {"match__augment": True},
    ],
)
def test_what_changes_it(other: dict[str, Any]) -> None:
    assert key(recipe(**other)) != key(recipe())
    assert key(recipe(), Distributed(0, 2, WORLD.device)) != key(recipe())


def test_a_stage_that_starts_from_an_earlier_one_is_known_by_that(tmp_path: Path) -> None:
    started = recipe(match__start=str(tmp_path / "earlier"))
    earlier = Run.create(tmp_path / "earlier", recipe(), DATA)
    keys = []
    for state in ({}, {"key": "a"}, {"key": "b"}):
        save_checkpoint(earlier.match_folder, {"step": 3, **state}, {}, {})
        keys.append(key(started))
    assert keys[0] is None and len({*keys, key(recipe())}) == 4


def matched(path: Path, chosen: Recipe) -> Run:
    run = Run.create(path, chosen, DATA)
    save_checkpoint(run.match_folder, {"step": 3, "key": key(chosen)}, match_modules(build_networks(chosen, DATA)), {})
    return run


def test_the_runs_beside_it_are_searched_and_damaged_ones_passed_over(tmp_path: Path) -> None:
    mine, wanted = recipe(**GAME), key(recipe())
    assert wanted is not None
    run = Run(tmp_path / "runs" / "mine", mine, DATA)
    networks = build_networks(mine, DATA)
    matched(tmp_path / "elsewhere", recipe())
    matched(tmp_path / "runs" / "b_other", recipe(match__steps=6))
    assert find_cached_match(run, wanted, networks) is None
    broken = matched(tmp_path / "runs" / "a_broken", recipe())
    (broken.path / "recipe.toml").write_text("[")
    torn = matched(tmp_path / "runs" / "b_torn", recipe())
    (torn.match_folder / "encoders.safetensors").write_bytes(b"")
    same = matched(tmp_path / "runs" / "c_same", recipe())
    cached = find_cached_match(run, wanted, networks)
    assert cached is not None and cached.path == same.path


def test_networks_that_are_larger_than_their_weights_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge = Run.create(tmp_path / "huge", recipe(discriminator__width=4096, discriminator__max_width=4096), DATA)
    small = match_modules(build_networks(recipe(), DATA))
    save_checkpoint(huge.match_folder, {"step": 3, "key": key(recipe())}, small, {})
    networks = build_networks(recipe(**GAME), DATA)
    built: list[Recipe] = []
    monkeypatch.setattr(match_cache, "build_networks", lambda chosen, data: built.append(chosen))
    run, wanted = Run(tmp_path / "mine", recipe(**GAME), DATA), key(recipe())
    assert wanted is not None and find_cached_match(run, wanted, networks) is None
    assert built == []


def test_other_weights_at_the_start_are_another_stage(tmp_path: Path) -> None:
    """As with a discriminator that draws the weights of its heads before those of its trunk."""
    matched(tmp_path / "same", recipe())
    networks = build_networks(recipe(**GAME), DATA)
    run, wanted = Run(tmp_path / "mine", recipe(**GAME), DATA), key(recipe())
    assert wanted is not None and find_cached_match(run, wanted, networks) is not None
    assert networks.discriminator is not None
    networks.discriminator.phi.bias.data.add_(1e-3)  # type: ignore[operator, union-attr]
    assert find_cached_match(run, wanted, networks) is None
