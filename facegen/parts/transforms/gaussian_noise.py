"""Transform: Gaussian noise on the condition."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from facegen.core.batch import Batch, Condition, DataSpec
from facegen.core.interfaces import ConditionTransform


class GaussianNoise(ConditionTransform):
    """Gaussian noise on the condition, drawn anew for every face, in training and in generation.

    c <- c + s e,   or, normalised,   c <- n(n(c) + s e);   e ~ N(0, I),   n(v) = v / |v|

    Engine:
        data: not read.
        condition_dim: width of the condition.
    Settings:
        deviation: s, the standard deviation of the noise.
        normalise: scale the condition to length 1, before and after the noise is added.
        noisy_critic: the discriminator reads the same noisy condition; otherwise the condition without noise.
    Shape:
        (B, condition_dim) -> (B, condition_dim)
    Source:
        Roldan Sanchez 2018, section V: N(0, I) on the embedding or on the one-hot vector itself. normalise with
        s = 0.05: Wen et al. 2019 (voice2face), as in their code. noisy_critic = false is ours.
    """

    def __init__(
        self,
        data: DataSpec,
        condition_dim: int,
        *,
        deviation: Annotated[float, Field(ge=0)] = 1.0,
        normalise: bool = False,
        noisy_critic: bool = True,
    ) -> None:
        super().__init__()
        self.condition_dim = condition_dim
        self.deviation, self.normalise, self.noisy_critic = deviation, normalise, noisy_critic

    def forward(self, condition: Condition, batch: Batch | None) -> Condition:
        noise = self.deviation * torch.randn_like(condition.generator)
        generator = self._add(condition.generator, noise)
        critic = self._add(condition.critic, noise if self.noisy_critic else None)
        return condition._replace(generator=generator, critic=critic)

    def _add(self, values: Tensor, noise: Tensor | None) -> Tensor:
        if self.normalise:
            values = functional.normalize(values)
        if noise is None:
            return values
        return functional.normalize(values + noise) if self.normalise else values + noise
