"""The train stage around its step: ramps, learning rates, steps of each network, averaged weights."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from facegen.core.batch import Batch, DataSpec
from facegen.core.interfaces import Augmentation
from facegen.core.recipe.recipe import check_recipe
from facegen.core.recipe.schedule import Ramp, Schedule
from facegen.training.build import build_networks
from facegen.training.distributed import Distributed
from facegen.training.gan_stage import GanStage

DATA = DataSpec(16, identities=tuple("abcdef"), columns=frozenset({"faces", "identity"}))
ROWS = 6
ALONE = Distributed(0, 1, torch.device("cpu"))


class Batches:
    """A loader of random faces that records the requested batches."""

    def __init__(self) -> None:
        self.rows = SimpleNamespace(dataset=SimpleNamespace(spec=DATA))
        self.asked: list[tuple[int, int]] = []

    def batch(self, step: int, stride: int = 1) -> Batch:
        self.asked.append((step, stride))
        blank = Batch.blank(DATA, ROWS)
        return blank.with_faces(torch.rand(blank.faces.shape, generator=torch.Generator().manual_seed(step)) * 2 - 1)


class Same(Augmentation):
    def forward(self, faces: Tensor) -> Tensor:
        return faces


def stage_of(distributed: Distributed = ALONE, **train: Any) -> GanStage:
    tables = {
        "data": {"type": "synthetic"},
        "conditioner": [{"type": "one_hot", "condition_dim": 4}],
        "condition": [{"type": "linear", "width": 3}],
        "generator": {"type": "adain", "noise_dim": 5, "width": 4, "max_width": 8},
        "discriminator": {"type": "projection", "width": 4, "max_width": 8},
        "objective": [{"type": "relativistic"}],
        "penalty": [{"type": "r1"}],
        "train": {"steps": 10, **train},
    }
    recipe = check_recipe(tables, "test.toml")
    networks = build_networks(recipe, DATA)
    object.__setattr__(networks, "augmentation", Same())
    for module in changing(networks):
        module.ramp = Schedule(Ramp(start=0.0, end=1.0, steps=4))
    assert recipe.train is not None
    nothing: Any = None
    return GanStage(
        recipe.train, networks, Batches(), None, nothing, nothing, nothing, nothing, distributed, "fp32"  # type: ignore[arg-type]
    )  # fmt: skip


def changing(networks: Any) -> list[Any]:
    """Return one module of every kind that may have a schedule."""
    ((penalty, _),), pipeline = networks.penalties.values(), networks.face_pipeline
    conditioner, transform = pipeline.encoders.parts[0], pipeline.transforms[0]
    return [*networks.objectives.values(), penalty, networks.augmentation, conditioner, transform, pipeline.generator]


def test_all_ramps_move() -> None:
    stage = stage_of()
    stage.step(1)
    assert [module.ramp.value.item() for module in changing(stage.networks)] == [0.25] * 6


def test_each_network_learns_by_its_own_table() -> None:
    stage = stage_of(
        generator={"learning_rate": 0.1, "learning_rate_end": 0.02, "beta1": 0.5},
        discriminator={"learning_rate": 0.4, "halve_every_steps": 3, "beta2": 0.9},
    )
    stage.step(5)
    groups = {side: optimiser.param_groups[0] for side, optimiser in stage.optimisers.items()}
    assert groups["generator"]["lr"] == pytest.approx(0.06) and groups["discriminator"]["lr"] == 0.2
    assert groups["generator"]["betas"] == (0.5, 0.99) and groups["discriminator"]["betas"] == (0.0, 0.9)
    learning = [*stage.face_pipeline.parameters()], [*stage.networks.discriminator_or_null.parameters()]
    assert [{id(weight) for weight in group["params"]} for group in groups.values()] == [
        {id(weight) for weight in weights} for weights in learning
    ]


def test_the_discriminator_learns_more_often_from_other_batches() -> None:
    stage = stage_of(critic_steps=3)
    stage.step(2)
    assert stage.loader.asked == [(6, 1), (7, 1), (8, 1)]  # type: ignore[attr-defined]
    steps = {side: {int(state["step"]) for state in stage.optimisers[side].state.values()} for side in stage.optimisers}
    assert steps == {"generator": {1}, "discriminator": {3}}


def test_processes_have_batches_of_their_own() -> None:
    stage = stage_of(Distributed(1, 3, torch.device("cpu")))
    for step in (0, 1):
        stage._batch(step)
    assert stage.loader.asked == [(1, 3), (4, 3)]  # type: ignore[attr-defined]


def test_the_average_follows_what_is_trained() -> None:
    stage = stage_of(ema_images=1e9, generator={"learning_rate": 0.01})
    before = {name: weight.detach().clone() for name, weight in stage.ema.module.named_parameters()}
    stage.step(9)
    for name, weight in stage.face_pipeline.named_parameters():
        # 60 images were seen: a twentieth of them is the half-life, which the 6 of a step pass twice.
        torch.testing.assert_close(stage.ema.module.get_parameter(name), before[name] / 4 + weight * 3 / 4)
        assert not torch.equal(weight, before[name])
