"""Generator of one face per voice."""

from torch import Tensor

from facegen.core.batch import DataSpec
from stand_ins.portraits import StandIn, render_portraits, to_keys


class Collapsed(StandIn):
    """The renderer with all factors from the condition, none from the noise.

        G(z, c) = render(c, hidden(c))

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
        return render_portraits(condition, to_keys(condition), self.image_pixels)
