"""Generator: BEGAN."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from facegen.core.batch import DataSpec
from facegen.core.interfaces import Generator
from facegen.parts.layers.began_decoder import BeganDecoder

Count = Annotated[int, Field(ge=1)]


class Began(Generator):
    """Decoder, as in the discriminator, of uniform noise and condition, concatenated.

    G(z, c) = tanh(decoder([z, c])),   z ~ U(-1, 1)

    Engine:
        data: supplies image_pixels: 4, 5, 6 or 7 times a power of two; twice that factor is the side of the first
            feature map.
        condition_dim: width of the condition.
    Settings:
        noise_dim: width of the noise; 0 generates without noise.
        num_filters: channels at every size.
    Shape:
        (B, noise_dim), (B, condition_dim) -> (B, 3, image_pixels, image_pixels) in [-1, 1]
    Raises:
        RecipeError: image_pixels cannot be reached by doubling.
    Source:
        Berthelot, Schumm and Metz 2017, without a condition and unbounded; both the condition and the tanh are ours.
        The widths 64 and 128 are those of carpedm20/BEGAN-tensorflow.
    """

    def __init__(
        self,
        data: DataSpec,
        condition_dim: int,
        *,
        noise_dim: Annotated[int, Field(ge=0)] = 64,
        num_filters: Count = 128,
    ) -> None:
        super().__init__()
        self.noise_dim = noise_dim
        self.decoder = BeganDecoder(noise_dim + condition_dim, num_filters, data.image_pixels)

    def noise(self, num: int, device: torch.device) -> Tensor:
        """Draw noise that is uniform between -1 and 1: (num, noise_dim)."""
        return torch.rand(num, self.noise_dim, device=device) * 2 - 1

    def forward(self, noise: Tensor, condition: Tensor, draft: Tensor | None = None) -> Tensor:
        faces: Tensor = self.decoder(torch.cat([noise, condition], dim=1))
        return faces.tanh()

    def input_weights(self) -> tuple[Tensor, Tensor] | None:
        if not self.noise_dim:
            return None
        noise, condition = self.decoder.stem.weight.tensor_split([self.noise_dim], dim=1)
        return noise, condition
