"""Generator of random pixels."""

import torch
from torch import Tensor

from facegen.core.batch import DataSpec
from facegen.data.synthetic.counter import uniform
from stand_ins.portraits import SEED, StandIn, to_keys


class Noise(StandIn):
    """Uniform random pixels.

        G(z, c) ~ U{0, ..., 255}

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
        size = self.image_pixels
        shares = uniform(SEED, "pixels", torch.cat([to_keys(noise), to_keys(condition)], dim=1), 3 * size * size)
        return (256 * shares).to(torch.uint8).view(-1, size, size, 3)
