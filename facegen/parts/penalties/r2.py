"""Penalty: R2."""

from typing import Annotated

from pydantic import Field

from facegen.core.batch import DataSpec
from facegen.core.recipe.schedule import Ramp
from facegen.parts.layers.scores import Head
from facegen.parts.layers.zero_centred import ZeroCentredPenalty


class R2(ZeroCentredPenalty):
    """Squared gradient of the scores of generated faces with respect to the faces, before augmentation.

    R2 = gamma / 2 E sum_pixels (d g(f_f, c+) / d f_f)^2   (equation 10)

    At steps where r1 is due too, both share one pass through the backbone and one gradient; otherwise real and
    generated faces pass separately.

    Engine:
        data: not read.
    Settings:
        r2_gamma: gamma, a number or a ramp; R3GAN gives it the value of r1_gamma.
        head: which scores are read.
    Shape:
        gradient (B, 3, H, W) -> scalar term
    Raises:
        RecipeError: a ramp falls below 0.
    Source:
        Mescheder, Geiger and Nowozin 2018, equation 10; Huang et al. 2024 (R3GAN), whose relativistic loss diverges
        without it.
    """

    grad_inputs = frozenset({"fake"})

    def __init__(
        self,
        data: DataSpec,
        *,
        r2_gamma: Annotated[float, Field(ge=0)] | Ramp = 1.0,
        head: Head = "conditional",
    ) -> None:
        super().__init__("r2", "fake", r2_gamma, head)
