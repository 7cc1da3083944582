"""The discriminator stays flat around real faces."""

from typing import Annotated

from pydantic import Field

from facegen.core.batch import DataSpec, Terms
from facegen.core.critic import Critic
from facegen.core.interfaces import Penalty
from facegen.core.schedule import Ramp, Schedule


class R1(Penalty):
    """Squared gradient of the score of real faces, before augmentation, under their own condition.

    R1 = gamma / 2 E sum_pixels (d g(f_r, c+) / d f_r)^2

    Engine:
        data: not read.
    Settings:
        r1_gamma: the weight, halved as above. It grows with the number of pixels: R3GAN has 2 at 64x64 and 150 at
            256x256, StyleGAN2-ADA 0.0002 pixels^2 / batch.
    Shape:
        gradient (B, 3, H, W) -> scalar term
    Source:
        Mescheder, Geiger and Nowozin 2018, equation 9, whose published code leaves out the half.
    """

    image_leaves = frozenset({"real"})

    def __init__(self, data: DataSpec, *, r1_gamma: Annotated[float, Field(ge=0)] | Ramp = 1.0) -> None:
        super().__init__()
        self.gamma = Schedule(r1_gamma)

    def terms(self, critic: Critic) -> Terms:
        gradient = critic.image_gradient("real").float()
        return {"r1": self.gamma.value / 2 * gradient.square().sum(dim=(1, 2, 3)).mean()}
