"""Discriminator: R3GAN."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from facegen.core.batch import DataSpec
from facegen.core.interfaces import Discriminator
from facegen.parts.layers.linear_heads import LinearHeads
from facegen.parts.layers.precision import Float32Linear, to_float32
from facegen.parts.layers.r3gan_blocks import Downsample, ResidualBlock, start_scaled, widths_by_size

Count = Annotated[int, Field(ge=1)]


class R3gan(Discriminator):
    """Residual blocks without norms, and an inner product of features and condition.

    f(x) = sum_xy w_xy h_xy channel by channel,
    g(f, c) = (W f) . (V c),   or   c . phi(f)   with the embedding phi(f) = U f + b

    The second form keeps the embedding of the match stage and compares it with the condition, as Choi et al. do. Where
    the two differ in width, the product is c . T phi(f) with a learned T.

    Engine:
        data: supplies image_pixels: 4, 5, 6 or 7 times a power of two.
        condition_dim: width of the condition.
        heads: "score", "score_unconditional", "embed" (phi), "classify"; the last three are linear in f.
    Settings:
        width: number of channels up to 32 pixels; halves with every doubling beyond.
        blocks: residual blocks at each size.
        expansion: ratio of the channels inside a block to those outside.
        group_channels: channels per group of a block's 3x3 convolution.
        compare: "projected": features and condition after a linear layer each; "embedding": the embedding with the
            unchanged condition.
        add_unconditional: add the head "score_unconditional", as psi in the projection discriminator. Without it, the
            score under the condition 0 is 0.
    Shape:
        features: (B, 3, image_pixels, image_pixels) -> (B, channels)
    Raises:
        RecipeError: image_pixels cannot be reached by doubling, or group_channels does not divide the channels.
    Source:
        Huang et al. 2024 (R3GAN), section 4, and its published network: blocks, filter, depthwise last layer, and
        projection without psi. compare = "embedding" and add_unconditional are ours, for Choi, Park and Lee 2020,
        equation 2, and so are widths beyond 64 pixels.
    """

    supported_heads = frozenset({"score", "score_unconditional", "embed", "classify"})

    def __init__(
        self,
        data: DataSpec,
        condition_dim: int,
        heads: Mapping[str, int],
        *,
        width: Count = 768,
        blocks: Count = 2,
        expansion: Count = 2,
        group_channels: Count = 16,
        compare: Literal["projected", "embedding"] = "projected",
        add_unconditional: bool = False,
    ) -> None:
        super().__init__(data, condition_dim, heads)
        self.compare, self.add_unconditional = compare, add_unconditional
        widths = widths_by_size(data.image_pixels, width, "r3gan")
        base_pixels, *_ = widths
        channels = list(reversed(widths.values()))

        def stage(num_channels: int) -> list[nn.Module]:
            total = blocks * len(channels)
            return [
                ResidualBlock(num_channels, expansion=expansion, group_channels=group_channels, num_blocks=total)
                for _ in range(blocks)
            ]

        from_rgb = nn.Conv2d(3, channels[0], 1, bias=False)
        layers: list[nn.Module] = [from_rgb, *stage(channels[0])]
        for before, after in pairwise(channels):
            layers += [Downsample(before, after), *stage(after)]
        last = nn.Conv2d(channels[-1], channels[-1], base_pixels, groups=channels[-1], bias=False)
        start_scaled(from_rgb.weight)
        start_scaled(last.weight)
        self.trunk = nn.Sequential(*layers, last)
        self._add_heads(channels[-1], condition_dim, dict(heads))

    def _add_heads(self, num_features: int, condition_dim: int, heads: dict[str, int]) -> None:
        if "score" in heads and self.compare == "projected":
            self.of_face = Float32Linear(num_features, num_features, bias=False)
            self.of_condition = Float32Linear(condition_dim, num_features, bias=False)
            start_scaled(self.of_face.weight)
            start_scaled(self.of_condition.weight, num_features**-0.5)
        elif "score" in heads:
            embed_dim = heads.setdefault("embed", condition_dim)
            same = embed_dim == condition_dim
            self.to_condition = nn.Identity() if same else Float32Linear(embed_dim, condition_dim, bias=False)
        if "score" in heads and self.add_unconditional:
            heads["score_unconditional"] = 1
        self.alone = LinearHeads(num_features, heads)

    def features(self, faces: Tensor) -> Tensor:
        return to_float32(self.trunk(faces.contiguous(memory_format=torch.channels_last)).flatten(1))

    def score(self, features: Tensor, condition: Tensor | None) -> Tensor:
        if condition is None:
            return self.alone.score(features)
        if self.compare == "projected":
            pair = self.of_face(features) * self.of_condition(condition)
        else:
            pair = self.to_condition(self.embed(features)) * condition
        return pair.sum(dim=1) + self.alone.score(features) if self.add_unconditional else pair.sum(dim=1)

    def embed(self, features: Tensor) -> Tensor:
        return self.alone.embed(features)

    def classify(self, features: Tensor) -> Tensor:
        return self.alone.classify(features)
