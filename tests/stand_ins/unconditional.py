"""Faces that look real, of anybody."""

import torch
from torch import Tensor

from facegen.core.batch import DataSpec
from stand_ins.portraits import SHARED, StandIn, drawn, keys_of, portray


class Unconditional(StandIn):
    """The renderer, and the voice is ignored.

        G(z, c) = render(c'(z), hidden(z))

    Engine:
        data: supplies image_pixels.
        condition_dim: not used.
    Shape:
        noise (B, 2), condition (B, 7) -> (B, 3, H, W)
    Source:
        Ours, for tests.
    """

    def __init__(self, data: DataSpec, condition_dim: int) -> None:
        super().__init__(data, condition_dim)

    def draw(self, noise: Tensor, condition: Tensor) -> Tensor:
        keys = keys_of(noise)
        guessed = drawn(SHARED, keys)
        return portray(torch.stack([guessed[factor.name] for factor in SHARED], dim=1), keys, self.image_pixels)
