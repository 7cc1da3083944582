"""Generator: adaptive instance norm at every layer."""

from itertools import pairwise
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from facegen.core.batch import DataSpec
from facegen.core.interfaces import Generator
from facegen.parts.layers.folded import UpsampleConv2d
from facegen.parts.layers.precision import to_float32
from facegen.parts.layers.second_moment import normalise_second_moment
from facegen.parts.layers.sizes import base_and_doublings

Count = Annotated[int, Field(ge=1)]
_EPSILON = 1e-5


class Adain(Generator):
    """Convolutions from 4x4 pixels, with adaptive instance norm by the condition at each layer.

    h = LeakyReLU(W [z, c]),   each stage twice h = LeakyReLU(AdaIN(conv(h), s)), upsampled in the first,
    G(z, c) = tanh(conv(h))

    Engine:
        data: supplies image_pixels: 4, 5, 6 or 7 times a power of two.
        condition_dim: width of the condition.
    Settings:
        noise_dim: width of the noise.
        width: number of channels at the full image size; doubles with every halving.
        max_width: largest number of channels.
        convolutions: number of convolutions at each size.
        style: input of AdaIN.
        normalise_condition: scale the condition to length sqrt(condition_dim), that of noise of this width.
    Shape:
        (B, noise_dim), (B, condition_dim) -> (B, 3, image_pixels, image_pixels) in [-1, 1]
    Raises:
        RecipeError: image_pixels cannot be reached by doubling.
    Source:
        Choi, Park and Lee 2020, section 3.2: z and c of 128 concatenated, AdaIN at each layer. All sizes are our
        choice, and so are AdaIN's settings and normalise_condition. The first layer has no AdaIN: with so few pixels
        it would remove most of the information of noise and condition.
    """

    def __init__(
        self,
        data: DataSpec,
        condition_dim: int,
        *,
        noise_dim: Count = 128,
        width: Count = 64,
        max_width: Count = 1024,
        convolutions: Count = 2,
        style: Literal["condition", "noise_and_condition"] = "condition",
        normalise_condition: bool = False,
    ) -> None:
        super().__init__()
        self.noise_dim = noise_dim
        self.style, self.normalise_condition = style, normalise_condition
        self.base_pixels, doublings = base_and_doublings(data.image_pixels, "adain")
        channels = [min(width << halvings, max_width) for halvings in range(doublings, -1, -1)]
        style_dim = condition_dim if style == "condition" else noise_dim + condition_dim

        self.stem = nn.Linear(noise_dim + condition_dim, channels[0] * self.base_pixels**2)
        self.layers = nn.ModuleList()
        for before, after in pairwise(channels):
            self.layers.append(_Layer(UpsampleConv2d(before, after, bias=False), style_dim, after))
            for _ in range(convolutions - 1):
                self.layers.append(_Layer(nn.Conv2d(after, after, 3, padding=1, bias=False), style_dim, after))
        self.to_rgb = nn.Conv2d(channels[-1], 3, 3, padding=1)

    def forward(self, noise: Tensor, condition: Tensor, draft: Tensor | None = None) -> Tensor:
        if self.normalise_condition:
            condition = normalise_second_moment(condition)
        both = torch.cat([noise, condition], dim=1)
        style = condition if self.style == "condition" else both
        hidden = self.stem(both).unflatten(1, (self.base_pixels, self.base_pixels, -1)).permute(0, 3, 1, 2)
        hidden = functional.leaky_relu(hidden, 0.2)
        for layer in self.layers:
            hidden = layer(hidden, style)
        return to_float32(self.to_rgb(hidden)).tanh()

    def input_weights(self) -> tuple[Tensor, Tensor]:
        noise, condition = self.stem.weight.tensor_split([self.noise_dim], dim=1)
        return noise, condition


class _Layer(nn.Module):
    """LeakyReLU(AdaIN(conv)); the convolution needs no bias, since the norm removes it."""

    def __init__(self, conv: nn.Conv2d, style_dim: int, num_channels: int) -> None:
        super().__init__()
        self.conv = conv
        self.norm = AdaptiveInstanceNorm(style_dim, num_channels)

    def forward(self, hidden: Tensor, style: Tensor) -> Tensor:
        return functional.leaky_relu(self.norm(self.conv(hidden), style), 0.2)


class AdaptiveInstanceNorm(nn.Module):
    """Instance normalisation with gain and offset computed from a style.

    AdaIN(x, s) = (1 + gamma(s)) (x - mean(x)) / sqrt(var(x) + 1e-5) + beta(s), per row and channel (equation 8)

    gamma and beta are one linear layer of the style, initially zero. It can be differentiated once, not twice.

    Args:
        style_dim: width of the style.
        num_channels: of the images.
    Shape:
        (B, num_channels, H, W), (B, style_dim) -> (B, num_channels, H, W), in the memory format of the input
    Source:
        Huang and Belongie 2017, equation 8. Gain and offset learned from a style: Karras et al. 2019. Zero
        initialisation is ours.
    """

    def __init__(self, style_dim: int, num_channels: int) -> None:
        super().__init__()
        self.style = nn.Linear(style_dim, 2 * num_channels)
        nn.init.zeros_(self.style.weight)
        nn.init.zeros_(self.style.bias)

    def forward(self, images: Tensor, style: Tensor) -> Tensor:
        gain, offset = self.style(style).to(images.dtype)[:, None].chunk(2, dim=2)
        num, channels, height, width = images.shape
        pixels = images.permute(0, 2, 3, 1).reshape(num, height * width, channels)
        modulated: Tensor = _NormaliseAndModulate.apply(pixels, 1 + gain, offset)
        return modulated.view(num, height, width, channels).permute(0, 3, 1, 2)


class _NormaliseAndModulate(torch.autograd.Function):
    """y = gain z / d + offset,   z = x - mean(x),   d = sqrt(mean(z^2) + 1e-5), for x (B, pixels, C).

    It takes half the time and memory of the formula under autograd.
    """

    @staticmethod
    def forward(context: Any, pixels: Tensor, gain: Tensor, offset: Tensor) -> Tensor:
        centred = pixels - _mean(pixels)
        inverse = (_mean(centred * centred) + _EPSILON).rsqrt()
        context.save_for_backward(centred, inverse, gain)
        return torch.addcmul(offset, centred, gain * inverse)

    @staticmethod
    @once_differentiable
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        centred, inverse, gain = context.saved_tensors
        (gradient,) = gradients
        mean, covariance = _mean(gradient), _mean(gradient * centred)
        # dL/dx = gain / d (dL/dy - mean(dL/dy) - z / d^2 mean(z dL/dy))
        scale = gain * inverse
        by_pixels = torch.addcmul(-scale * mean, gradient, scale)
        by_pixels.addcmul_(centred, -scale * inverse.square() * covariance)
        num_pixels = centred.shape[1]
        return by_pixels, num_pixels * covariance * inverse, num_pixels * mean


def _mean(pixels: Tensor) -> Tensor:
    """Return the mean over pixels, (B, pixels, C) -> (B, 1, C).

    It is a matrix product, on a CPU several times faster than a reduction.
    """
    num, size, _ = pixels.shape
    return pixels.new_full((1, 1, 1), 1 / size).expand(num, 1, size) @ pixels
