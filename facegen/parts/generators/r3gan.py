"""Generator: R3GAN."""

from itertools import pairwise
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from facegen.core.batch import DataSpec
from facegen.core.interfaces import Generator
from facegen.parts.layers.precision import to_float32
from facegen.parts.layers.r3gan_blocks import ResidualBlock, Upsample, start_scaled, widths_by_size
from facegen.parts.layers.second_moment import normalise_second_moment

Count = Annotated[int, Field(ge=1)]


class R3gan(Generator):
    """Residual blocks without norms on learned first pixels, whose channels noise and condition scale.

    h = basis * W [z, E c],   at each size h = h + block(h), blocks times, then upsampled,   G(z, c) = tanh(conv1(h))

    Engine:
        data: supplies image_pixels: 4, 5, 6 or 7 times a power of two; that factor is the side of the
            first feature map.
        condition_dim: width of the condition.
    Settings:
        noise_dim: width of the noise; 0 generates without noise.
        embedding_dim: width of the linear layer on the condition.
        width: number of channels up to 32 pixels; halves with every doubling beyond.
        blocks: residual blocks at each size.
        expansion: ratio of the channels inside a block to those outside.
        group_channels: channels per group of a block's 3x3 convolution.
        normalise_condition: scale the condition to length sqrt(condition_dim), that of noise of this width. No layer
            behind it normalises, so that a longer condition would give a face of higher contrast.
    Shape:
        (B, noise_dim), (B, condition_dim) -> (B, 3, image_pixels, image_pixels) in [-1, 1]
    Raises:
        RecipeError: image_pixels cannot be reached by doubling, or group_channels does not divide the channels.
    Source:
        Huang et al. 2024 (R3GAN) and its code, brownvc/R3GAN: noise of 64, two blocks per size, widths, groups, initial
        weights. The tanh is ours (theirs leaves the values unbounded), and so are embedding_dim,
        normalise_condition and widths beyond 64 pixels.
    """

    def __init__(
        self,
        data: DataSpec,
        condition_dim: int,
        *,
        noise_dim: Annotated[int, Field(ge=0)] = 64,
        embedding_dim: Count = 64,
        width: Count = 768,
        blocks: Count = 2,
        expansion: Count = 2,
        group_channels: Count = 16,
        normalise_condition: bool = False,
    ) -> None:
        super().__init__()
        self.noise_dim, self.normalise_condition = noise_dim, normalise_condition
        widths = widths_by_size(data.image_pixels, width, "r3gan")
        base_pixels, *_ = widths
        channels = list(widths.values())
        self.embedding = nn.Linear(condition_dim, embedding_dim, bias=False)
        self.scales = nn.Linear(noise_dim + embedding_dim, channels[0], bias=False)
        self.basis = nn.Parameter(torch.randn(base_pixels, base_pixels, channels[0]))
        self.to_rgb = nn.Conv2d(channels[-1], 3, 1, bias=False)
        for layer in (self.embedding, self.scales, self.to_rgb):
            start_scaled(layer.weight)

        def stage(num_channels: int) -> list[nn.Module]:
            return [
                ResidualBlock(
                    num_channels,
                    expansion=expansion,
                    group_channels=group_channels,
                    num_blocks=blocks * len(channels),
                )
                for _ in range(blocks)
            ]

        layers = stage(channels[0])
        for before, after in pairwise(channels):
            layers += [Upsample(before, after), *stage(after)]
        self.layers = nn.Sequential(*layers)

    def forward(self, noise: Tensor, condition: Tensor, draft: Tensor | None = None) -> Tensor:
        if self.normalise_condition:
            condition = normalise_second_moment(condition)
        scales = self.scales(torch.cat([noise, self.embedding(condition)], dim=1))
        pixels = scales[:, None, None] * self.basis.to(scales.dtype)
        return to_float32(self.to_rgb(self.layers(pixels.permute(0, 3, 1, 2)))).tanh()

    def input_weights(self) -> tuple[Tensor, Tensor] | None:
        if not self.noise_dim:
            return None
        noise, condition = self.scales.weight.tensor_split([self.noise_dim], dim=1)
        return noise, condition
