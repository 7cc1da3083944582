"""Discriminator: BEGAN's autoencoder."""

from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from facegen.core.batch import DataSpec
from facegen.core.interfaces import Discriminator
from facegen.parts.layers.began_decoder import BeganDecoder
from facegen.parts.layers.precision import Float32Linear
from facegen.parts.layers.sizes import base_and_doublings

Count = Annotated[int, Field(ge=1)]


class Autoencoder(Discriminator):
    """Autoencoder of faces whose decoder also reads the condition.

    h = ELU(conv(ELU(conv(h)))) with n (i + 1) channels at the i-th size, then a convolution of stride 2,
    f(x) = W h + b,   D(x, c) = decode([f(x), c])

    Engine:
        data: supplies image_pixels: 4, 5, 6 or 7 times a power of two; the side of the smallest feature map is
            twice that factor.
        condition_dim: width of the condition.
        heads: "reconstruct", "embed" (linear in f).
    Settings:
        num_filters: n, number of channels at the full image size.
        hidden_dim: width of f.
        conditional: the decoder reads the condition; otherwise nothing does.
    Shape:
        features: (B, 3, image_pixels, image_pixels) -> (B, hidden_dim)
        reconstruct: (B, hidden_dim), (B, condition_dim) -> (B, 3, image_pixels, image_pixels), not bounded
    Raises:
        RecipeError: image_pixels cannot be reached by doubling.
    Source:
        Berthelot, Schumm and Metz 2017, section 3.5.1 and figure 1, without skip connections. Roldan Sanchez 2018 names
        BEGAN without saying how it is conditioned: the condition at the bottleneck and the embedding are ours.
    """

    supported_heads = frozenset({"reconstruct", "embed"})

    def __init__(
        self,
        data: DataSpec,
        condition_dim: int,
        heads: Mapping[str, int],
        *,
        num_filters: Count = 128,
        hidden_dim: Count = 64,
        conditional: bool = True,
    ) -> None:
        super().__init__(data, condition_dim, heads)
        self.conditional = conditional
        half_base, num_sizes = base_and_doublings(data.image_pixels, "autoencoder")
        layers: list[nn.Module] = [nn.Conv2d(3, num_filters, 3, padding=1), nn.ELU()]
        before = num_filters
        for number in range(num_sizes):
            channels = num_filters * (number + 1)
            layers += [nn.Conv2d(before, channels, 3, padding=1), nn.ELU()]
            layers += [nn.Conv2d(channels, channels, 3, padding=1), nn.ELU()]
            if number < num_sizes - 1:
                layers += [nn.Conv2d(channels, channels, 3, stride=2, padding=1), nn.ELU()]
            before = channels
        self.encoder = nn.Sequential(*layers)
        self.hidden = Float32Linear(before * (2 * half_base) ** 2, hidden_dim)
        if "reconstruct" in heads:
            input_dim = hidden_dim + (condition_dim if conditional else 0)
            self.decoder = BeganDecoder(input_dim, num_filters, data.image_pixels, "autoencoder")
        if "embed" in heads:
            self.embedding = Float32Linear(hidden_dim, heads["embed"])

    def features(self, faces: Tensor) -> Tensor:
        return self.hidden(self.encoder(faces.contiguous(memory_format=torch.channels_last)).flatten(1))

    def reconstruct(self, features: Tensor, condition: Tensor | None) -> Tensor:
        if not self.conditional:
            return self.decoder(features)
        if condition is None:
            raise ValueError("the autoencoder rebuilds faces with a condition; conditional = false needs none")
        return self.decoder(torch.cat([features, condition.to(features.dtype)], dim=1))

    def embed(self, features: Tensor) -> Tensor:
        return self.embedding(features)
