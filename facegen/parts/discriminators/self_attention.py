"""Discriminator: SAGAN."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from facegen.core.batch import DataSpec
from facegen.parts.discriminators.projection import Projection
from facegen.parts.layers.self_attention import SelfAttention2d, nearest_size
from facegen.parts.layers.sizes import base_and_doublings
from facegen.parts.layers.spectral import normalise_spectrally

Count = Annotated[int, Field(ge=1)]


class SelfAttention(Projection):
    """Projection discriminator with self-attention at one size and spectral norm on every weight.

    g(f, c) = c . phi(f) + psi(phi(f)),   phi(f) = W sum_xy relu(trunk(f)) + b,   psi linear,
    trunk = residual blocks, after one of them y = x + gamma attention(x)

    Engine:
        data: supplies image_pixels: 4, 5, 6 or 7 times a power of two.
        condition_dim: width of the condition.
        heads: "score", "score_unconditional" (psi alone), "embed" (phi), "classify" (linear).
    Settings:
        width: number of channels at half the image size; doubles with every further halving.
        max_width: largest number of channels.
        pool: sum or mean over the pixels of the last feature map, or none: phi then reads all pixels.
        negative_slope: slope of the activation below 0; 0 is ReLU.
        attention_pixels: side of the feature map with self-attention; the nearest existing size is taken.
    Shape:
        features: (B, 3, image_pixels, image_pixels) -> (B, channels), or (B, channels base^2) without pooling
    Raises:
        RecipeError: image_pixels cannot be reached by doubling.
    Source:
        Zhang et al. 2019, sections 3 and 4: spectral norm in both networks, attention at 32 pixels. Trunk and score are
        those of the projection discriminator, after Miyato and Koyama 2018.
    """

    def __init__(
        self,
        data: DataSpec,
        condition_dim: int,
        heads: Mapping[str, int],
        *,
        width: Count = 64,
        max_width: Count = 1024,
        pool: Literal["sum", "mean", "none"] = "sum",
        negative_slope: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        attention_pixels: Count = 32,
    ) -> None:
        _, halvings = base_and_doublings(data.image_pixels, "self_attention")
        super().__init__(
            data, condition_dim, heads, width=width, max_width=max_width, pool=pool, negative_slope=negative_slope
        )
        sizes = [data.image_pixels >> number for number in range(1, halvings + 1)]
        number = sizes.index(nearest_size(sizes, attention_pixels))
        self.trunk.insert(number + 1, SelfAttention2d(min(width << number, max_width)))
        normalise_spectrally(self)
