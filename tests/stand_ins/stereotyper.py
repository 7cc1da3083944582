"""Generator that exaggerates the factors of the voice."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from facegen.core.batch import DataSpec
from stand_ins.portraits import SHARED, StandIn, render_portraits, to_keys


class Stereotyper(StandIn):
    """The renderer with the voice's factors moved away from their middle and all others towards theirs.

        G(z, c) = render(m + s (c - m), m' + (hidden(z) - m') / s)

    Engine:
        data: supplies image_pixels.
        condition_dim: not used.
    Settings:
        strength: factor s of the exaggeration; 1 for none.
    Shape:
        noise (B, 2), condition (B, 7) -> (B, 3, H, W)
    Source:
        Ours, for tests.
    """

    middle: Tensor

    def __init__(self, data: DataSpec, condition_dim: int, *, strength: Annotated[float, Field(ge=1)] = 1.5) -> None:
        super().__init__(data, condition_dim)
        self.strength = strength
        middle = [0.5 if factor.classes else (factor.low + factor.high) / 2 for factor in SHARED]
        self.register_buffer("middle", torch.tensor(middle), persistent=False)

    def draw(self, noise: Tensor, condition: Tensor) -> Tensor:
        exaggerated = self.middle + self.strength * (condition - self.middle)
        return render_portraits(exaggerated, to_keys(noise), self.image_pixels, self.strength)
