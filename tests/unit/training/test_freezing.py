"""Weights that a part has fixed stay as they are in both stages, and so do the batch statistics beside them."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from facegen.core.batch import Batch, DataSpec
from facegen.core.interfaces import Conditioner, Discriminator, Generator
from facegen.core.recipe.tables import MatchSettings, OptimiserSettings
from facegen.parts.matchers.contrastive import Contrastive
from facegen.parts.objectives.relid import Relid
from facegen.parts.penalties.r1 import R1
from facegen.parts.penalties.weight_clip import WeightClip
from facegen.testing import SMALL_DATA, sample_batch
from facegen.training.build import Networks
from facegen.training.distributed import Distributed
from facegen.training.face_pipeline import Encoders, FacePipeline
from facegen.training.freezing import Frozen, set_frozen_to_eval
from facegen.training.gan import GanStep, gan_weights
from facegen.training.match import MatchStage
from facegen.training.optimisers import build_optimiser

ALONE = Distributed(0, 1, torch.device("cpu"))
DIM, WIDTH, PIXELS = 4, 8, SMALL_DATA.image_pixels


def backbone(num_inputs: int) -> nn.Sequential:
    """Return a pretrained network: none of its weights is trained, and one of its norms has none."""
    layers = nn.Sequential(
        nn.Linear(num_inputs, WIDTH),
        nn.BatchNorm1d(WIDTH),
        nn.ReLU(),
        nn.BatchNorm1d(WIDTH, affine=False),
    )
    return layers.requires_grad_(False)


class Reader(Conditioner):
    needs = frozenset({"text"})
    condition_dim = DIM

    def __init__(self) -> None:
        super().__init__()
        self.backbone = backbone(SMALL_DATA.text_dim)
        self.head = nn.Linear(WIDTH, DIM)

    def forward(self, batch: Batch) -> Tensor:
        assert batch.text is not None
        return self.head(self.backbone(batch.text))


class Paint(Generator):
    noise_dim = 3

    def __init__(self) -> None:
        super().__init__()
        self.backbone = backbone(DIM + self.noise_dim)
        self.head = nn.Linear(WIDTH, 3 * PIXELS**2)

    def forward(self, noise: Tensor, condition: Tensor, draft: Tensor | None = None) -> Tensor:
        features = self.backbone(torch.cat([noise, condition], dim=1))
        return self.head(features).tanh().view(-1, 3, PIXELS, PIXELS)


class Judge(Discriminator):
    def __init__(self) -> None:
        super().__init__(DataSpec(PIXELS), DIM, {"score": 1, "embed": DIM})
        self.backbone = backbone(3 * 8 * 8)
        self.head = nn.Linear(WIDTH, DIM)

    def features(self, faces: Tensor) -> Tensor:
        return self.backbone(nn.functional.adaptive_avg_pool2d(faces, 8).flatten(1))

    def embed(self, features: Tensor) -> Tensor:
        return self.head(features)

    def score(self, features: Tensor, condition: Tensor | None) -> Tensor:
        assert condition is not None
        return (self.head(features) * condition).sum(dim=1)


def networks_of(frozen: bool = False) -> Networks:
    torch.manual_seed(0)
    encoders = Encoders([Reader()], [frozen])
    return Networks(
        encoders=encoders, discriminator_encoders=None, face_pipeline=FacePipeline(encoders, [], Paint()),
        discriminator=Judge(), matcher=Contrastive(SMALL_DATA, DIM, DIM, margin=2.0),
        objectives={"relid": Relid(SMALL_DATA)},
        penalties={"r1": (R1(SMALL_DATA), 1), "clip": (WeightClip(SMALL_DATA, clip=0.05), 1)}, augmentation=None,
    )  # fmt: skip


def match(networks: Networks) -> MatchStage:
    loader: Any = SimpleNamespace(batch=lambda step, stride: sample_batch(num_mismatched=1, seed=step))
    stage = MatchStage(MatchSettings(), networks, loader, None, ALONE, "fp32")
    for step in range(2):
        stage.step(step)
    return stage


def train_gan(networks: Networks) -> GanStep:
    networks.encoders.freeze()
    ALONE.place(networks.face_pipeline, networks.discriminator)
    settings = OptimiserSettings(learning_rate=0.01)
    step = GanStep(
        networks, {side: build_optimiser(settings, weights) for side, weights in gan_weights(networks).items()},
        critic_trains_conditioner=True, num_identities=6, distributed=ALONE, precision="fp32",
    )  # fmt: skip
    for number in range(2):
        step(sample_batch(num_mismatched=1, seed=number), None, number)
    return step


def parts_of(networks: Networks) -> dict[str, nn.Module]:
    assert networks.face_pipeline is not None
    return {
        "conditioner": networks.encoders.parts[0],
        "generator": networks.face_pipeline.generator,
        "discriminator": networks.discriminator_or_null,
    }


def state_of(networks: Networks) -> dict[str, Tensor]:
    return {
        f"{part}.{name}": value.detach().clone()
        for part, module in parts_of(networks).items()
        for name, value in module.state_dict().items()
    }


def changed(networks: Networks, before: dict[str, Tensor]) -> set[str]:
    return {name for name, value in state_of(networks).items() if not torch.equal(value, before[name])}


def fixed_weights(networks: Networks) -> set[int]:
    return {
        id(weight) for part in parts_of(networks).values() for weight in part.get_submodule("backbone").parameters()
    }


def heads(*parts: str) -> set[str]:
    return {f"{part}.head.{name}" for part in parts for name in ("weight", "bias")}


def test_both_stages_train_everything_but_the_fixed_backbones() -> None:
    networks = networks_of()
    before = state_of(networks)
    stage = match(networks)
    assert changed(networks, before) == heads("conditioner", "discriminator")
    before = state_of(networks)
    step = train_gan(networks)
    assert changed(networks, before) == heads("conditioner", "generator", "discriminator")
    fixed = fixed_weights(networks)
    assert len(fixed) == 3 * 4
    for optimiser in (*stage.optimisers.values(), *step.optimisers.values()):
        assert not fixed & {id(weight) for group in optimiser.param_groups for weight in group["params"]}
        assert not fixed & {id(weight) for weight in optimiser.state}
        assert optimiser.state


def test_a_conditioner_that_is_frozen_between_the_stages_keeps_its_own_fixed_weights_fixed() -> None:
    networks = networks_of()
    networks.encoders.freeze(everything=True)
    before = state_of(networks)
    match(networks)
    assert changed(networks, before) == heads("discriminator")
    before = state_of(networks)
    train_gan(networks)
    assert changed(networks, before) == heads("conditioner", "generator", "discriminator")


def test_a_frozen_conditioner_learns_in_the_match_stage_alone() -> None:
    networks = networks_of(frozen=True)
    before = state_of(networks)
    match(networks)
    assert changed(networks, before) == heads("conditioner", "discriminator")
    before = state_of(networks)
    train_gan(networks)
    assert changed(networks, before) == heads("generator", "discriminator")


def test_a_phase_that_fails_leaves_the_flags_as_they_were() -> None:
    networks = networks_of()
    flags = {name: weight.requires_grad for name, weight in networks.discriminator_or_null.named_parameters()}

    def failing(critic: Any) -> Any:
        critic.fake.sum().backward()
        raise ValueError("a loss that fails")

    object.__setattr__(networks.objectives["relid"], "generator_terms", failing)
    with pytest.raises(ValueError, match="a loss that fails"):
        train_gan(networks)
    assert {name: weight.requires_grad for name, weight in networks.discriminator_or_null.named_parameters()} == flags
    assert set(flags.values()) == {True, False}


def test_frozen_modules_are_released_once_and_in_any_order() -> None:
    layer = nn.Linear(2, 2)
    layer.bias.requires_grad_(False)
    outer = Frozen(layer, None)
    with Frozen(layer):
        assert not layer.weight.requires_grad
    assert not layer.weight.requires_grad  # the outer one still holds it
    outer.release()
    layer.weight.requires_grad_(False)
    outer.release()
    assert not layer.weight.requires_grad and not layer.bias.requires_grad


def test_only_what_is_fixed_as_a_whole_goes_to_evaluation_mode() -> None:
    module = nn.Sequential(backbone(2), nn.BatchNorm1d(WIDTH, affine=False), nn.Linear(WIDTH, 2))
    partly = nn.Linear(2, 2)
    partly.bias.requires_grad_(False)
    module.append(partly)
    set_frozen_to_eval(module.train())
    assert module.training and [child.training for child in module] == [False, True, True, True]
    assert not any(layer.training for layer in module[0])
