"""Discriminator: voice2face."""

from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from facegen.core.batch import DataSpec
from facegen.core.interfaces import Discriminator
from facegen.parts.layers.linear_heads import LinearHeads
from facegen.parts.layers.precision import Float32Linear
from facegen.parts.layers.sizes import base_and_doublings
from facegen.parts.layers.strided import halving_trunk

Count = Annotated[int, Field(ge=1)]


class Voice2face(Discriminator):
    """Strided convolutions to a short code of a face, and linear heads for realness and identity.

    h = act(conv(h)): one of 1x1, then 4x4 with stride 2,   act = LeakyReLU(0.2),
    f(x) = conv(h) over all pixels left,   real or fake w . f(x),   identity V f(x)

    It does not read the condition: voice and face are linked by the identity classes only.

    Engine:
        data: supplies image_pixels: 4, 5, 6 or 7 times a power of two.
        condition_dim: not read.
        heads: "score_unconditional", "embed", "classify".
    Settings:
        width: number of channels at the full image size; doubles with every halving.
        max_width: largest number of channels.
        code_dim: width of the code.
    Shape:
        features: (B, 3, image_pixels, image_pixels) -> (B, code_dim)
    Raises:
        RecipeError: image_pixels cannot be reached by doubling.
    Source:
        Wen, Singh and Raj 2019 and its published network, for 64 pixels; max_width and the embedding, a linear layer of
        the code, are ours.
    """

    supported_heads = frozenset({"score_unconditional", "embed", "classify"})

    def __init__(
        self,
        data: DataSpec,
        condition_dim: int,
        heads: Mapping[str, int],
        *,
        width: Count = 32,
        max_width: Count = 512,
        code_dim: Count = 64,
    ) -> None:
        super().__init__(data, condition_dim, heads)
        base_pixels, halvings = base_and_doublings(data.image_pixels, "voice2face")
        channels = [min(width << doublings, max_width) for doublings in range(halvings + 1)]
        self.trunk = nn.Sequential(
            nn.Conv2d(3, channels[0], 1), nn.LeakyReLU(0.2), *halving_trunk(channels, batch_norm=False)
        )
        self.code = Float32Linear(channels[-1] * base_pixels**2, code_dim)
        self.alone = LinearHeads(code_dim, heads, bias=False)

    def features(self, faces: Tensor) -> Tensor:
        return self.code(self.trunk(faces.contiguous(memory_format=torch.channels_last)).flatten(1))

    def score(self, features: Tensor, condition: Tensor | None) -> Tensor:
        if condition is not None:
            self._lacks("score")
        return self.alone.score(features)

    def embed(self, features: Tensor) -> Tensor:
        return self.alone.embed(features)

    def classify(self, features: Tensor) -> Tensor:
        return self.alone.classify(features)
