"""Generator of faces without detail."""

import torch
from torch import Tensor
from torch.nn import functional

from facegen.core.batch import DataSpec
from stand_ins.portraits import StandIn, render_portraits, to_keys


class Blurred(StandIn):
    """The renderer, reduced to a quarter of its size and enlarged again.

        G(z, c) = enlarge(reduce(render(c, hidden(z))))

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
        faces = render_portraits(condition, to_keys(noise), self.image_pixels).permute(0, 3, 1, 2).float()
        small = functional.interpolate(faces, scale_factor=0.25, mode="area")
        large = functional.interpolate(small, self.image_pixels, mode="bilinear", align_corners=False)
        return large.round().to(torch.uint8).permute(0, 2, 3, 1)
