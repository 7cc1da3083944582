"""The discriminator stays flat around real faces."""

from typing import Annotated

from pydantic import Field

from facegen.core.batch import DataSpec
from facegen.core.recipe.schedule import Ramp
from facegen.parts.layers.scores import Head
from facegen.parts.layers.zero_centred import ZeroCentredPenalty


class R1(ZeroCentredPenalty):
    """Squared gradient of the score of real faces, before augmentation, under their own condition.

    R1 = gamma / 2 E sum_pixels (d g(f_r, c+) / d f_r)^2

    Engine:
        data: not read.
    Settings:
        r1_gamma: the weight, halved as above. It grows with the number of pixels: R3GAN has 2 at 64x64 and 150 at
            256x256, StyleGAN2-ADA 0.0002 pixels^2 / batch.
        head: whose scores: those under the condition, or those of the head that sees none.
    Shape:
        gradient (B, 3, H, W) -> scalar term
    Raises:
        RecipeError: a ramp falls under 0.
    Source:
        Mescheder, Geiger and Nowozin 2018, equation 9, whose published code leaves out the half.
    """

    grad_inputs = frozenset({"real"})

    def __init__(
        self,
        data: DataSpec,
        *,
        r1_gamma: Annotated[float, Field(ge=0)] | Ramp = 1.0,
        head: Head = "conditional",
    ) -> None:
        super().__init__("r1", "real", r1_gamma, head)
