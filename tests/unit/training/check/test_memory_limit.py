"""A training that needs more memory than there is gets refused before anything is allocated."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_training import tiny_recipe

from facegen.core.errors import RecipeError
from facegen.training.check import memory_limit
from facegen.training.check.costs import StageCost
from facegen.training.check.memory_limit import memory_bytes, memory_problems
from facegen.training.distributed import Distributed
from facegen.training.train import check_training, open_dataset

ALONE = Distributed(0, 1, torch.device("cpu"))
COSTS = [
    StageCost("match", 1, 64, 10, 1.0, 3.0 * 2**30),
    StageCost("train", 1, 4096, 10, 1.0, 120.5 * 2**30),
    StageCost("unknown", 1, 1, 10, None, None),
]


def test_the_stage_and_both_numbers_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_limit, "memory_bytes", lambda device: 23 * 2**30)
    recipe = tiny_recipe()
    assert memory_problems(recipe, COSTS, ALONE) == [
        f"{recipe.source}: [train] batch_size = 4096: a step needs about 120.5 GiB of memory, and this machine has "
        f"23.0 GiB; set a smaller [train] batch_size or [data] image_pixels, or use --preset small"
    ]


@pytest.mark.parametrize(
    ("precision", "device", "size", "limit_gib"),
    [("auto", "cpu", 4, 120.5), ("bf16", "cpu", 1, 60.25), ("auto", "cuda", 1, 60.25), ("fp32", "cuda", 4, 30.125)],
)
def test_only_the_certain_share_of_the_estimate_counts(
    monkeypatch: pytest.MonkeyPatch, precision: str, device: str, size: int, limit_gib: float
) -> None:
    recipe = tiny_recipe()
    recipe = replace(recipe, run=recipe.run.model_copy(update={"precision": precision}))
    distributed = Distributed(0, size, torch.device(device))
    for available, num_problems in ((limit_gib * 2**30 - 1, 1), (limit_gib * 2**30, 0)):
        monkeypatch.setattr(memory_limit, "memory_bytes", lambda device, available=available: available)
        assert len(memory_problems(recipe, COSTS, distributed)) == num_problems


def test_an_unknown_memory_refuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_limit, "memory_bytes", lambda device: None)
    assert not memory_problems(tiny_recipe(), COSTS, ALONE)


def test_a_container_has_the_memory_of_its_limit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "max").write_text("max\n")
    monkeypatch.setattr(memory_limit, "CGROUP_LIMITS", (tmp_path / "max", tmp_path / "missing"))
    machine = memory_bytes(torch.device("cpu"))
    (tmp_path / "missing").write_text("1048576\n")
    assert machine is not None and machine > 2**20
    assert memory_bytes(torch.device("cpu")) == 2**20


def test_training_is_refused_and_a_check_alone_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_limit, "SMALL_BATCH", 0)
    monkeypatch.setattr(memory_limit, "memory_bytes", lambda device: 2**10)
    recipe, too_large = tiny_recipe(), tiny_recipe(game=True)
    check_training(recipe, open_dataset(recipe), None)
    with pytest.raises(RecipeError, match=r"\[train\] batch_size = .*this machine has 0.0 GiB"):
        check_training(too_large, open_dataset(too_large), None, distributed=ALONE)
