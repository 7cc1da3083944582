"""Discriminator: projection discriminator."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from facegen.core.batch import DataSpec
from facegen.core.interfaces import Discriminator
from facegen.parts.layers.folded import ConvPool2d
from facegen.parts.layers.precision import Float32Linear, to_float32
from facegen.parts.layers.sizes import base_and_doublings
from facegen.parts.layers.spectral import normalise_spectrally

Count = Annotated[int, Field(ge=1)]


class Projection(Discriminator):
    """Residual network with an inner product of the face's embedding and the condition.

    g(f, c) = c . phi(f) + psi(phi(f)),   phi(f) = W mean_xy relu(trunk(f)) + b,   psi linear   (equations 2 and 3)

    Where embedding and condition differ in width, the product is c . V phi(f) with a learned V.

    Engine:
        data: supplies image_pixels: 4, 5, 6 or 7 times a power of two.
        condition_dim: width of the condition.
        heads: "score", "score_unconditional" (psi alone), "embed" (phi), "classify" (linear).
    Settings:
        width: number of channels at half the image size; doubles with every further halving.
        max_width: largest number of channels.
        pool: mean or sum over the pixels of the last feature map, or none: phi then reads all pixels, and learns small
            features of aligned faces from far fewer faces.
        negative_slope: slope of the activation below 0; 0 is ReLU.
        spectral_norm: divide every weight by its largest singular value.
    Shape:
        features: (B, 3, image_pixels, image_pixels) -> (B, channels), or (B, channels base^2) without pooling
    Raises:
        RecipeError: image_pixels cannot be reached by doubling.
    Source:
        Miyato and Koyama 2018, figure 14, and Choi, Park and Lee 2020, equations 2 and 3. Spectral norm is
        off by default, since R1 replaces it; the sizes are Miyato and Koyama's where Choi et al. give none. They sum
        over the pixels, with spectral norm; without it the sum makes the first steps of the match stage diverge, hence
        the mean. pool = "none" and the initial weights (He et al. 2015, such that no block changes the scale) are ours.
    """

    supported_heads = frozenset({"score", "score_unconditional", "embed", "classify"})

    def __init__(
        self,
        data: DataSpec,
        condition_dim: int,
        heads: Mapping[str, int],
        *,
        width: Count = 64,
        max_width: Count = 1024,
        pool: Literal["mean", "sum", "none"] = "mean",
        negative_slope: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__(data, condition_dim, heads)
        self.pool, self.negative_slope = pool, negative_slope
        base_pixels, halvings = base_and_doublings(data.image_pixels, "projection")
        channels = [min(width << doublings, max_width) for doublings in range(halvings + 1)]
        blocks: list[nn.Module] = [_FirstBlock(channels[0], negative_slope)]
        pairs = list(pairwise(channels))
        blocks += [_Block(before, after, True, negative_slope) for before, after in pairs[:-1]]
        blocks += [_Block(before, after, False, negative_slope) for before, after in pairs[-1:]]
        self.trunk = nn.Sequential(*blocks)
        for block in blocks:
            _initialise(block, negative_slope)
        self._add_heads(channels[-1] * (base_pixels**2 if pool == "none" else 1), condition_dim, heads)
        if spectral_norm:
            normalise_spectrally(self)

    def _add_heads(self, num_features: int, condition_dim: int, heads: Mapping[str, int]) -> None:
        embed_dim = heads.get("embed", condition_dim)
        if heads.keys() & {"score", "score_unconditional", "embed"}:
            self.phi = Float32Linear(num_features, embed_dim)
        if heads.keys() & {"score", "score_unconditional"}:
            self.psi = Float32Linear(embed_dim, 1)
        self.to_condition: nn.Module = nn.Identity()
        if "score" in heads and embed_dim != condition_dim:
            self.to_condition = Float32Linear(embed_dim, condition_dim, bias=False)
        if "classify" in heads:
            self.classes = Float32Linear(num_features, heads["classify"])

    def features(self, faces: Tensor) -> Tensor:
        hidden = self.trunk(faces.contiguous(memory_format=torch.channels_last))
        hidden = functional.leaky_relu(hidden, self.negative_slope).flatten(2)
        if self.pool == "none":
            return to_float32(hidden).flatten(1)
        total = to_float32(hidden).sum(dim=2)
        return total / hidden.shape[2] if self.pool == "mean" else total

    def score(self, features: Tensor, condition: Tensor | None) -> Tensor:
        embedding = self.embed(features)
        score = self.psi(embedding)[:, 0]
        return score if condition is None else score + (self.to_condition(embedding) * condition).sum(dim=1)

    def embed(self, features: Tensor) -> Tensor:
        return self.phi(features)

    def classify(self, features: Tensor) -> Tensor:
        return self.classes(features)


def _initialise(block: nn.Module, negative_slope: float) -> None:
    """Initialise a block such that it keeps the scale: both summands have half the variance of its input."""
    for name, module in block.named_children():
        if isinstance(module, nn.Conv2d) and module.bias is not None:
            slope = 1.0 if name == "shortcut" else negative_slope  # a shortcut has no activation
            nn.init.kaiming_normal_(module.weight, a=slope)
            nn.init.zeros_(module.bias)
            if name != "first":
                with torch.no_grad():
                    module.weight.mul_(0.5**0.5)


class _FirstBlock(nn.Module):
    """pool(conv(act(conv(x)))) + conv1(pool(x)): no activation on the pixels, which would halve their range."""

    def __init__(self, out_channels: int, negative_slope: float) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.first = nn.Conv2d(3, out_channels, 3, padding=1)
        self.second = ConvPool2d(out_channels, out_channels)
        self.shortcut = nn.Conv2d(3, out_channels, 1)

    def forward(self, faces: Tensor) -> Tensor:
        residual = self.second(functional.leaky_relu(self.first(faces), self.negative_slope, inplace=True))
        return residual + self.shortcut(functional.avg_pool2d(faces, 2))


class _Block(nn.Module):
    """pool(conv(act(conv(act(x))))) + pool(conv1(x)); the shortcut pools first: the same result for less work."""

    def __init__(self, in_channels: int, out_channels: int, halve: bool, negative_slope: float) -> None:
        super().__init__()
        self.halve, self.negative_slope = halve, negative_slope
        self.first = nn.Conv2d(in_channels, in_channels, 3, padding=1)
        self.second = (
            ConvPool2d(in_channels, out_channels) if halve else nn.Conv2d(in_channels, out_channels, 3, padding=1)
        )
        self.shortcut: nn.Module = nn.Identity()
        if halve or in_channels != out_channels:
            self.shortcut = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        residual = self.first(functional.leaky_relu(hidden, self.negative_slope))
        residual = self.second(functional.leaky_relu(residual, self.negative_slope, inplace=True))
        return residual + self.shortcut(functional.avg_pool2d(hidden, 2) if self.halve else hidden)
