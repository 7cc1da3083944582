"""Networks of a few weights, as a plugin, so that nearly all of a step's time is the engine's.

Only the soak registers them.
"""

import sys
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from facegen import Critic, DataSpec, Discriminator, Generator, Objective, Terms, hookimpl
from facegen.core.plugins import Source
from facegen.core.registry import registry


class CheapGenerator(Generator):
    """Grey faces, whose brightness follows the noise and the condition."""

    noise_dim = 1

    def __init__(self, data: DataSpec, condition_dim: int) -> None:
        super().__init__()
        self.pixels = data.image_pixels
        self.weight = nn.Parameter(torch.full((1 + condition_dim, 1), 0.1))

    def forward(self, noise: Tensor, condition: Tensor, draft: Tensor | None = None) -> Tensor:
        brightness = (torch.cat([noise, condition], 1) @ self.weight).tanh()
        return brightness[:, :, None, None].expand(-1, 3, self.pixels, self.pixels)


class CheapDiscriminator(Discriminator):
    """A line through the brightness of a face."""

    def __init__(self, data: DataSpec, condition_dim: int, heads: Mapping[str, int]) -> None:
        super().__init__(data, condition_dim, heads)
        self.weight = nn.Parameter(torch.ones(()))

    def features(self, faces: Tensor) -> Tensor:
        return faces[:, 0, 0, :1]

    def score(self, features: Tensor, condition: Tensor | None) -> Tensor:
        return (features * self.weight)[:, 0]


class CheapObjective(Objective):
    """Squared distances of the scores to 1 and 0."""

    def __init__(self, data: DataSpec) -> None:
        super().__init__()

    def discriminator_terms(self, critic: Critic) -> Terms:
        return {"real": (critic.real - 1).square().mean(), "fake": critic.fake.square().mean()}

    def generator_terms(self, critic: Critic) -> Terms:
        return {"fake": (critic.fake - 1).square().mean()}


@hookimpl
def facegen_generators() -> dict[str, type]:
    return {"cheap": CheapGenerator}


@hookimpl
def facegen_discriminators() -> dict[str, type]:
    return {"cheap": CheapDiscriminator}


@hookimpl
def facegen_objectives() -> dict[str, type]:
    return {"cheap": CheapObjective}


def register_cheap_parts() -> None:
    """Register the parts as those of a plugin in this process."""
    registry().add(Source("soak", "facegen-soak", "0"), sys.modules[__name__])
