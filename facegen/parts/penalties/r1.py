"""Penalty: R1."""

from typing import Annotated

from pydantic import Field

from facegen.core.batch import DataSpec
from facegen.core.recipe.schedule import Ramp
from facegen.parts.layers.scores import Head
from facegen.parts.layers.zero_centred import ZeroCentredPenalty


class R1(ZeroCentredPenalty):
    """Squared gradient of the scores of real faces with respect to the faces, before augmentation.

    R1 = gamma / 2 E sum_pixels (d g(f_r, c+) / d f_r)^2   (equation 9)

    Engine:
        data: not read.
    Settings:
        r1_gamma: gamma, a number or a ramp. It grows with the number of pixels: R3GAN has 2 at 64x64 and 150 at
            256x256, StyleGAN2-ADA 0.0002 pixels^2 / batch.
        head: which scores are read.
    Shape:
        gradient (B, 3, H, W) -> scalar term
    Raises:
        RecipeError: a ramp falls below 0.
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
