"""Discriminator: StackGAN, both stages."""

from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from facegen.core.batch import DataSpec
from facegen.core.interfaces import Discriminator
from facegen.parts.layers.linear_heads import LinearHeads
from facegen.parts.layers.sizes import base_and_doublings
from facegen.parts.layers.spectral import normalise_spectrally
from facegen.parts.layers.strided import ConvBlock, Norm, PairScore, halving_trunk, start_normally

Count = Annotated[int, Field(ge=1)]


class Stackgan(Discriminator):
    """Strided convolutions to a 4x4 feature map, then a 3x3 convolution of features and condition.

    h = act(norm(conv(h))): 4x4 with stride 2 down to the last pixels, then 3x3 with half the channels each until
    eight times the width is left,   act = LeakyReLU(0.2),   no norm in the first layer,
    g(f, c) = w . act(norm(conv3([h, tile(c)]))) + b,   every other head linear in the pixels of h

    At 64 pixels this is stage I (width 64: 64, 128, 256, 512 channels), at 256 pixels stage II (64 to 2048, then 1024
    and 512).

    Engine:
        data: supplies image_pixels: 4, 5, 6 or 7 times a power of two; that factor is the side of the last feature map.
        condition_dim: width of the condition.
        heads: "score", "score_unconditional", "embed", "classify"; only "score" reads the condition.
    Settings:
        width: number of channels at half the image size; doubles with every further halving.
        norm: batch norm, spectral norm on every weight, or none.
    Shape:
        features: (B, 3, image_pixels, image_pixels) -> (B, channels, base, base)
    Raises:
        RecipeError: image_pixels cannot be reached by doubling.
    Source:
        Zhang et al. 2017, sections 3.2 to 3.4, with the sizes and the unconditional score of their published network,
        which has batch norm; further norms, embedding, classes and initial weights from N(0, 0.02^2) are ours.
    """

    supported_heads = frozenset({"score", "score_unconditional", "embed", "classify"})

    def __init__(
        self,
        data: DataSpec,
        condition_dim: int,
        heads: Mapping[str, int],
        *,
        width: Count = 64,
        norm: Norm = "batch",
    ) -> None:
        super().__init__(data, condition_dim, heads)
        self.norm, batch_norm = norm, norm == "batch"
        base_pixels, halvings = base_and_doublings(data.image_pixels, "stackgan")
        channels = [width << doublings for doublings in range(halvings)]
        last = min(channels[-1], 8 * width)
        self.trunk = nn.Sequential(
            *halving_trunk([3, *channels], batch_norm=batch_norm),
            *(ConvBlock(wide, wide // 2, 3, 1, 1, batch_norm=batch_norm) for wide in reversed(channels) if wide > last),
        )
        if "score" in heads:
            self.pair = PairScore(last, base_pixels, condition_dim, kernel_size=3, batch_norm=batch_norm)
        self.alone = LinearHeads(last * base_pixels**2, heads)
        start_normally(self)
        if norm == "spectral":
            normalise_spectrally(self)

    @property
    def uses_batch_statistics(self) -> bool:
        return self.norm == "batch" and self.training

    def features(self, faces: Tensor) -> Tensor:
        return self.trunk(faces.contiguous(memory_format=torch.channels_last))

    def score(self, features: Tensor, condition: Tensor | None) -> Tensor:
        return self.alone.score(features) if condition is None else self.pair(features, condition)

    def embed(self, features: Tensor) -> Tensor:
        return self.alone.embed(features)

    def classify(self, features: Tensor) -> Tensor:
        return self.alone.classify(features)
