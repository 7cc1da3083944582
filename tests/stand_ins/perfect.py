"""Generator without a fault."""

from torch import Tensor

from facegen.core.batch import DataSpec
from stand_ins.portraits import StandIn, render_portraits, to_keys


class Perfect(StandIn):
    """The renderer: the voice's factors come from the condition, all others from the noise.

        G(z, c) = render(c, hidden(z))

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
        return render_portraits(condition, to_keys(noise), self.image_pixels)
