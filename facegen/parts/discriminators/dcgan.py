"""Discriminator: DCGAN, conditioned at its last feature map."""

from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.utils.parametrize import remove_parametrizations

from facegen.core.batch import DataSpec
from facegen.core.interfaces import Discriminator
from facegen.parts.layers.linear_heads import LinearHeads
from facegen.parts.layers.sizes import base_and_doublings
from facegen.parts.layers.spectral import normalise_spectrally
from facegen.parts.layers.strided import Norm, PairScore, Projector, halving_trunk, start_normally

Count = Annotated[int, Field(ge=1)]


class Dcgan(Discriminator):
    """Strided convolutions to a 4x4 feature map; the condition is concatenated to each of its pixels.

    h = act(norm(conv(h))) with 4x4 kernels of stride 2,   act = LeakyReLU(0.2),   no norm in the first layer,
    g(f, c) = w . act(norm(conv1([h, tile(c)]))) + b,   every other head linear in the pixels of h

    Without the joint convolution the score is a sum a(f) + b(c), which cannot tell whether a face and a condition
    belong together.

    Engine:
        data: supplies image_pixels: 4, 5, 6 or 7 times a power of two; that factor is the side of the last feature map.
        condition_dim: width of the condition.
        heads: "score", "score_unconditional", "embed", "classify"; only "score" reads the condition.
    Settings:
        width: number of channels at half the image size; doubles with every further halving.
        max_width: largest number of channels.
        norm: batch norm, spectral norm on every weight, or none.
        norm_score: spectral norm on the last weights of the score, too, where the others have it.
        condition_projection: width of a linear layer with LeakyReLU on the condition; 0 leaves it out.
        joint_convolution: a 1x1 convolution of face and condition before the score.
    Shape:
        features: (B, 3, image_pixels, image_pixels) -> (B, channels, base, base)
    Raises:
        RecipeError: image_pixels cannot be reached by doubling.
    Source:
        Reed et al. 2016, section 4.1 (batch norm, a projection to 128), and Roldan Sanchez 2018: batch norm in section
        IV-B, none in IV-C, spectral norm in V. The thesis describes no joint convolution; our default is Reed et
        al.'s. norm_score = false is as in its published code. Heads other than the score, and max_width, are ours.
    """

    supported_heads = frozenset({"score", "score_unconditional", "embed", "classify"})

    def __init__(
        self,
        data: DataSpec,
        condition_dim: int,
        heads: Mapping[str, int],
        *,
        width: Count = 64,
        max_width: Count = 512,
        norm: Norm = "none",
        norm_score: bool = True,
        condition_projection: Annotated[int, Field(ge=0)] = 0,
        joint_convolution: bool = True,
    ) -> None:
        super().__init__(data, condition_dim, heads)
        self.norm = norm
        base_pixels, halvings = base_and_doublings(data.image_pixels, "dcgan")
        channels = [min(width << doublings, max_width) for doublings in range(halvings)]
        self.trunk = halving_trunk([3, *channels], batch_norm=norm == "batch")
        if "score" in heads:
            self.projector = Projector(condition_dim, condition_projection) if condition_projection else nn.Identity()
            self.pair = PairScore(
                channels[-1],
                base_pixels,
                condition_projection or condition_dim,
                kernel_size=1 if joint_convolution else 0,
                batch_norm=norm == "batch",
            )
        self.alone = LinearHeads(channels[-1] * base_pixels**2, heads)
        start_normally(self)
        if norm == "spectral":
            normalise_spectrally(self)
            if not norm_score and "score" in heads:
                remove_parametrizations(self.pair.to_score, "weight")

    @property
    def uses_batch_statistics(self) -> bool:
        return self.norm == "batch" and self.training

    def features(self, faces: Tensor) -> Tensor:
        return self.trunk(faces.contiguous(memory_format=torch.channels_last))

    def score(self, features: Tensor, condition: Tensor | None) -> Tensor:
        if condition is None:
            return self.alone.score(features)
        return self.pair(features, self.projector(condition))

    def embed(self, features: Tensor) -> Tensor:
        return self.alone.embed(features)

    def classify(self, features: Tensor) -> Tensor:
        return self.alone.classify(features)
