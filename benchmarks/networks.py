"""Networks, rows and steps of a recipe, for benchmarks."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from benchmarks.plain_step import PlainStep, use_plain_layers
from facegen.core.batch import Batch, DataSpec
from facegen.core.recipe.recipe import Recipe, read_recipe
from facegen.training.build import Networks, build_networks
from facegen.training.distributed import Distributed
from facegen.training.gan import GanStep, gan_weights
from facegen.training.optimisers import build_optimiser

RECIPES = Path(__file__).parents[1] / "recipes"
ALONE = Distributed(0, 1, torch.device("cpu"))
Layers = Literal["ours", "plain", "plain, channels last"]
NUM_PEOPLE, RATE_HZ = 50, 16000
COLUMNS = frozenset({"faces", "speech", "identity"})


class Subject:
    """A recipe's networks with random weights, and rows of noise for them.

    Encodings of a frozen encoder are given, as in training, which computes them once.

    Args:
        recipe_name: name of a recipe of the folder recipes.
        image_pixels, speech_seconds, batch_size: sizes of the rows.
        preset: of the recipe.
        overrides: keys that differ from the recipe.
    """

    def __init__(
        self, recipe_name: str, image_pixels: int, speech_seconds: float, batch_size: int, *,
        preset: str | None = None, overrides: Sequence[str] = (),
    ) -> None:  # fmt: skip
        sizes = [f"data.image_pixels={image_pixels}", f"data.speech_seconds={speech_seconds}"]
        path = RECIPES / f"{recipe_name}.toml"
        self.recipe = read_recipe(path, preset=preset, overrides=[*sizes, *overrides])
        people = tuple(f"person {number}" for number in range(NUM_PEOPLE))
        self.data = DataSpec(
            image_pixels, speech_samples=round(RATE_HZ * speech_seconds), identities=people, columns=COLUMNS
        )
        torch.manual_seed(0)
        self.networks: Networks = build_networks(self.recipe, self.data)
        blank = Batch.blank(self.data, batch_size)
        faces, speech = torch.rand_like(blank.faces) * 2 - 1, torch.rand(batch_size, self.data.speech_samples) - 0.5
        self.batch = replace(blank, faces=faces, speech=speech)
        encoders = self.networks.encoders
        self.encoding: Tensor | None = torch.randn(batch_size, encoders.condition_dim) if encoders.is_frozen else None

    def step(
        self, kind: type[GanStep] = GanStep, *, layers: Layers = "ours", penalised: bool = True, number: int = 0
    ) -> "Step":
        """Build a step on a copy of the networks.

        Args:
            kind: of step.
            layers: ours, or plain ones in PyTorch's default memory format or in the channels-last format.
            penalised: with the recipe's penalties, or without.
            number: of the step, which decides which penalties are due.
        """
        networks = copy.deepcopy(self.networks)
        networks = networks if penalised else replace(networks, penalties={})
        return Step(self, networks, kind, layers, number)


class Step:
    """A step of training that is called without arguments."""

    def __init__(self, subject: Subject, networks: Networks, kind: type[GanStep], layers: Layers, number: int) -> None:
        self._subject, self._number = subject, number
        self.gan = gan_step(subject.recipe, networks, kind, layers, ALONE, "fp32")

    def __call__(self) -> None:
        self.gan(self._subject.batch, self._subject.encoding, self._number)


def gan_step(
    recipe: Recipe, networks: Networks, kind: type[GanStep], layers: Layers, distributed: Distributed, precision: str
) -> GanStep:
    """Build an adversarial step; the plain one has Adam as PyTorch writes it by default.

    Args:
        recipe: with [train].
        networks: of the recipe; moved to the device in place.
        kind: of step.
        layers: as in `Subject.step`.
        distributed: the device.
        precision: as in [run].
    """
    train = recipe.train
    if train is None or networks.face_pipeline is None or networks.discriminator is None:
        raise ValueError("the recipe trains no generator and discriminator")
    trained = (networks.face_pipeline, networks.discriminator, networks.discriminator_encoders)
    distributed.place(*trained, *networks.objectives.values())
    if layers != "ours":
        for network in trained[:2]:
            use_plain_layers(network, channels_last=layers == "plain, channels last")
    weights = gan_weights(networks)
    if issubclass(kind, PlainStep):
        optimisers = {side: torch.optim.Adam(learning, 1e-4, (0.0, 0.99)) for side, learning in weights.items()}
    else:
        optimisers = {side: build_optimiser(getattr(train, side), learning) for side, learning in weights.items()}
    return kind(
        networks, optimisers, critic_trains_conditioner=train.critic_trains_conditioner, num_identities=NUM_PEOPLE,
        distributed=distributed, precision=precision,
    )  # fmt: skip
