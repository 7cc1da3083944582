"""The discriminator stays flat around generated faces."""

from typing import Annotated

from pydantic import Field

from facegen.core.batch import DataSpec
from facegen.core.recipe.schedule import Ramp
from facegen.parts.layers.scores import Head
from facegen.parts.layers.zero_centred import ZeroCentredPenalty


class R2(ZeroCentredPenalty):
    """Squared gradient of the score of generated faces, before augmentation, under their own condition.

    R2 = gamma / 2 E sum_pixels (d g(f_f, c+) / d f_f)^2

    Together with r1 at the same steps it shares the trunk pass and the gradient; alone, each side passes by itself.

    Engine:
        data: not read.
    Settings:
        r2_gamma: the weight, halved as above; R3GAN gives it the value of r1_gamma.
        head: whose scores: those under the condition, or those of the head that sees none.
    Shape:
        gradient (B, 3, H, W) -> scalar term
    Raises:
        RecipeError: a ramp falls under 0.
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
