"""Generator: stage I of StackGAN."""

from itertools import pairwise
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from facegen.core.batch import DataSpec
from facegen.core.interfaces import Generator
from facegen.parts.layers.precision import to_float32
from facegen.parts.layers.sizes import base_and_doublings
from facegen.parts.layers.strided import start_normally
from facegen.parts.layers.upsampling import UpsampleBlock

Count = Annotated[int, Field(ge=1)]


class StackganStage1(Generator):
    """Upsampling convolutions from 4x4 pixels, of noise and condition, concatenated.

    h = relu(BN(W [z, c])),   at each doubling h = relu(BN(conv3(upsample(h)))),   G(z, c) = tanh(conv3(h))

    Conditioning augmentation is a transform of its own.

    Engine:
        data: supplies image_pixels: 4, 5, 6 or 7 times a power of two; that factor is the side of the
            first feature map.
        condition_dim: width of the condition.
    Settings:
        noise_dim: width of the noise; 0 generates without noise.
        width: number of channels at half the image size; doubles with every further halving, halves at the full size.
        max_width: largest number of channels.
    Shape:
        (B, noise_dim), (B, condition_dim) -> (B, 3, image_pixels, image_pixels) in [-1, 1]
    Raises:
        RecipeError: image_pixels cannot be reached by doubling.
    Source:
        Zhang et al. 2017, section 3.3, in the form of the authors' code, hanzhanggit/StackGAN-Pytorch: at 64 pixels 8,
        4, 2, 1 and 1/2 times the width, which is 192 for COCO. width 128 and max_width are ours.
    """

    def __init__(
        self,
        data: DataSpec,
        condition_dim: int,
        *,
        noise_dim: Annotated[int, Field(ge=0)] = 100,
        width: Annotated[int, Field(ge=2)] = 128,
        max_width: Count = 1024,
    ) -> None:
        super().__init__()
        self.noise_dim = noise_dim
        self.base_pixels, doublings = base_and_doublings(data.image_pixels, "stackgan_stage1")
        channels = [min(width << halvings, max_width) for halvings in range(doublings - 1, -1, -1)]
        channels.append(channels[-1] // 2)
        self.stem = nn.Linear(noise_dim + condition_dim, channels[0] * self.base_pixels**2, bias=False)
        self.norm = nn.BatchNorm1d(channels[0] * self.base_pixels**2)
        self.layers = nn.Sequential(*(UpsampleBlock(before, after) for before, after in pairwise(channels)))
        self.to_rgb = nn.Conv2d(channels[-1], 3, 3, padding=1, bias=False)
        start_normally(self)

    def forward(self, noise: Tensor, condition: Tensor, draft: Tensor | None = None) -> Tensor:
        hidden = functional.relu(self.norm(self.stem(torch.cat([noise, condition], dim=1))))
        pixels = hidden.unflatten(1, (self.base_pixels, self.base_pixels, -1)).permute(0, 3, 1, 2)
        return to_float32(self.to_rgb(self.layers(pixels))).tanh()

    def input_weights(self) -> tuple[Tensor, Tensor] | None:
        if not self.noise_dim:
            return None
        noise, condition = self.stem.weight.tensor_split([self.noise_dim], dim=1)
        return noise, condition
