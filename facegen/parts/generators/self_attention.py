"""Generator: SAGAN."""

from itertools import pairwise
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from facegen.core.batch import DataSpec
from facegen.core.interfaces import Generator
from facegen.parts.layers.folded import UpsampleConv2d
from facegen.parts.layers.precision import to_float32
from facegen.parts.layers.self_attention import SelfAttention2d, nearest_size
from facegen.parts.layers.sizes import base_and_doublings
from facegen.parts.layers.spectral import normalise_spectrally

Count = Annotated[int, Field(ge=1)]


class SelfAttention(Generator):
    """Residual blocks with conditional batch norm, and self-attention at one size.

    h = W z,   at each doubling h = conv3(relu(CBN(conv3(upsample(relu(CBN(h, c)))), c))) + upsample(conv1(h)),
    at one size h = h + gamma attention(h),   G(z, c) = tanh(conv3(relu(BN(h))))

    The weights of every convolution and of W are divided by their largest singular values.

    Engine:
        data: supplies image_pixels: 4, 5, 6 or 7 times a power of two; that factor is the side of the
            first feature map.
        condition_dim: width of the condition.
    Settings:
        noise_dim: width of the noise.
        width: number of channels at the full image size; doubles with every halving.
        max_width: largest number of channels.
        attention_pixels: side of the feature map with self-attention; the nearest existing size is taken.
        style: input of the batch norms.
    Shape:
        (B, noise_dim), (B, condition_dim) -> (B, 3, image_pixels, image_pixels) in [-1, 1]
    Raises:
        RecipeError: image_pixels cannot be reached by doubling.
    Source:
        Zhang et al. 2019 (SAGAN): spectral norm in the generator too, attention at 32 pixels, noise of 128. Blocks and
        widths are those of pfnet-research/sngan_projection. A condition that is not a class, and the style of noise
        and condition, are ours.
    """

    def __init__(
        self,
        data: DataSpec,
        condition_dim: int,
        *,
        noise_dim: Count = 128,
        width: Count = 64,
        max_width: Count = 1024,
        attention_pixels: Count = 32,
        style: Literal["condition", "noise_and_condition"] = "condition",
    ) -> None:
        super().__init__()
        self.noise_dim, self.style = noise_dim, style
        self.base_pixels, doublings = base_and_doublings(data.image_pixels, "self_attention")
        channels = [min(width << halvings, max_width) for halvings in range(doublings, -1, -1)]
        style_dim = condition_dim if style == "condition" else noise_dim + condition_dim
        self.stem = spectral_norm(nn.Linear(noise_dim, channels[0] * self.base_pixels**2))
        self.blocks = nn.ModuleList(_Block(before, after, style_dim) for before, after in pairwise(channels))
        sizes = [self.base_pixels << number for number in range(1, doublings + 1)]
        self.attention_pixels = nearest_size(sizes, attention_pixels)
        self.attention = SelfAttention2d(channels[1 + sizes.index(self.attention_pixels)])
        normalise_spectrally(self.attention)
        self.norm = nn.BatchNorm2d(channels[-1])
        self.to_rgb = spectral_norm(nn.Conv2d(channels[-1], 3, 3, padding=1))

    def forward(self, noise: Tensor, condition: Tensor, draft: Tensor | None = None) -> Tensor:
        style = condition if self.style == "condition" else torch.cat([noise, condition], dim=1)
        hidden = self.stem(noise).unflatten(1, (self.base_pixels, self.base_pixels, -1)).permute(0, 3, 1, 2)
        for block in self.blocks:
            hidden = block(hidden, style)
            if hidden.shape[2] == self.attention_pixels:
                hidden = self.attention(hidden)
        return to_float32(self.to_rgb(functional.relu(self.norm(hidden)))).tanh()


class _Block(nn.Module):
    """conv(relu(CBN(conv(upsample(relu(CBN(h, s)))), s))) + upsample(conv1(h)); conv1 first takes less work."""

    def __init__(self, in_channels: int, out_channels: int, style_dim: int) -> None:
        super().__init__()
        self.first_norm = ConditionalBatchNorm2d(style_dim, in_channels)
        self.first = spectral_norm(UpsampleConv2d(in_channels, out_channels))
        self.second_norm = ConditionalBatchNorm2d(style_dim, out_channels)
        self.second = spectral_norm(nn.Conv2d(out_channels, out_channels, 3, padding=1))
        self.shortcut = spectral_norm(nn.Conv2d(in_channels, out_channels, 1))

    def forward(self, hidden: Tensor, style: Tensor) -> Tensor:
        residual = self.first(functional.relu(self.first_norm(hidden, style)))
        residual = self.second(functional.relu(self.second_norm(residual, style)))
        return residual + functional.interpolate(self.shortcut(hidden), scale_factor=2, mode="nearest")


class ConditionalBatchNorm2d(nn.Module):
    """Batch normalisation with gain and offset computed from a style.

    BN(x, s) = (1 + gamma(s)) (x - mean(x)) / sqrt(var(x) + 1e-5) + beta(s), moments over rows and pixels

    gamma and beta are one linear layer of the style, initially near zero. In eval mode the moments are running means,
    so that rows do not depend on each other.

    Args:
        style_dim: width of the style.
        num_channels: of the images.
    Shape:
        (B, num_channels, H, W), (B, style_dim) -> (B, num_channels, H, W)
    Source:
        Dumoulin et al. 2017 and de Vries et al. 2017, for classes; the linear layer of a style and its initial
        weights from N(0, 0.02^2) are ours.
    """

    def __init__(self, style_dim: int, num_channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(num_channels, affine=False)
        self.style = nn.Linear(style_dim, 2 * num_channels)
        nn.init.normal_(self.style.weight, 0.0, 0.02)
        nn.init.zeros_(self.style.bias)

    def forward(self, images: Tensor, style: Tensor) -> Tensor:
        normal = self.norm(images)
        gain, offset = self.style(style).to(normal.dtype)[:, :, None, None].chunk(2, dim=1)
        return (1 + gain) * normal + offset
