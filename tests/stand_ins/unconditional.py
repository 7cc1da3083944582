"""Generator that ignores the condition."""

import torch
from torch import Tensor

from facegen.core.batch import DataSpec
from stand_ins.portraits import SHARED, StandIn, draw_factors, render_portraits, to_keys


class Unconditional(StandIn):
    """The renderer with all factors from the noise.

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
        keys = to_keys(noise)
        factors = draw_factors(SHARED, keys)
        return render_portraits(
            torch.stack([factors[factor.name] for factor in SHARED], dim=1), keys, self.image_pixels
        )
