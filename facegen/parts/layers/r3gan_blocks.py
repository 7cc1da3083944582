"""Residual blocks without norms, and resampling, of both networks of R3GAN."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from facegen.core.errors import RecipeError
from facegen.parts.layers.sizes import base_and_doublings

ACTIVATION_GAIN = (2 / (1 + 0.2**2)) ** 0.5
"""Gain that preserves the scale under LeakyReLU(0.2): He et al. 2015."""


def widths_by_size(image_pixels: int, width: int, part: str) -> dict[int, int]:
    """Return {size: channels} from the smallest size on: `width` up to 32 pixels, halved at every further doubling.

    Raises:
        RecipeError: the size cannot be reached by doubling.
    Source:
        R3GAN has 768 up to 32 pixels and 384 at 64; larger sizes are ours.
    """
    base_pixels, doublings = base_and_doublings(image_pixels, part)
    sizes = [base_pixels << number for number in range(doublings + 1)]
    return {size: max(width >> (-(-size // 32) - 1).bit_length(), 1) for size in sizes}


def start_scaled(weight: Tensor, gain: float = 1.0) -> None:
    """Initialise from N(0, gain^2 / fan_in), fan_in the number of inputs of one output."""
    nn.init.normal_(weight, 0.0, gain * weight[0].numel() ** -0.5)


class ResidualBlock(nn.Module):
    """Inverted bottleneck with a grouped convolution.

    y = x + W3 act(W2 act(W1 x + b1) + b2),   act = LeakyReLU(0.2)

    W1 and W3 are 1x1 convolutions to and from expansion times the channels, W2 is 3x3 in groups. Initially W3 = 0, and
    the others have the gain of the activation times num_blocks^(-1/4), so that the output changes at the same rate at
    any depth, without a norm.

    Args:
        num_channels: of the images.
        expansion: ratio of the inner channels to num_channels.
        group_channels: channels per group of W2; fewer channels make one group.
        num_blocks: number of blocks of the network.
    Shape:
        (B, num_channels, H, W) -> (B, num_channels, H, W)
    Raises:
        RecipeError: the channels cannot be divided into such groups.
    Source:
        Huang et al. 2024 (R3GAN). The exponent is -1 / (2 m - 2) with m = 3 layers: Zhang et al. 2019
        (Fixup). R3GAN counts groups, 96 at 768 channels and 48 at 384 with an expansion of 2: 16 channels in each.
    """

    def __init__(self, num_channels: int, *, expansion: int, group_channels: int, num_blocks: int) -> None:
        super().__init__()
        inner = expansion * num_channels
        if inner > group_channels and inner % group_channels:
            raise RecipeError(
                f"r3gan: {num_channels} channels times expansion = {expansion} are {inner}, which group_channels = "
                f"{group_channels} does not divide; choose width and max_width such that it does"
            )
        self.widen = nn.Conv2d(num_channels, inner, 1)
        self.mix = nn.Conv2d(inner, inner, 3, padding=1, groups=max(inner // group_channels, 1))
        self.narrow = nn.Conv2d(inner, num_channels, 1, bias=False)
        for layer in (self.widen, self.mix):
            start_scaled(layer.weight, ACTIVATION_GAIN * num_blocks**-0.25)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
        nn.init.zeros_(self.narrow.weight)

    def forward(self, images: Tensor) -> Tensor:
        hidden = functional.leaky_relu(self.widen(images), 0.2)
        hidden = functional.leaky_relu(self.mix(hidden), 0.2)
        return images + self.narrow(hidden)


class Upsample(nn.Module):
    """Upsampling by two with the filter [1, 2, 1] / 2 along both axes, and a 1x1 convolution where channels change.

    Of each new pair of pixels the second is the old pixel, the first its mean with the previous one.

    Args:
        in_channels, out_channels: of the convolution, which comes before the filter, on fewer pixels.
    Shape:
        (B, in_channels, H, W) -> (B, out_channels, 2 H, 2 W), channels_last
    Source:
        The filter is R3GAN's; its alignment and zeros beyond the edge are ours.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.change = _change(in_channels, out_channels)

    def forward(self, images: Tensor) -> Tensor:
        pixels = self.change(images).permute(0, 2, 3, 1)
        # A depthwise transposed convolution gives the same in twice the time.
        for axis, before in ((1, (0, 0, 0, 0, 1, 0)), (2, (0, 0, 1, 0))):
            previous = functional.pad(pixels, before).narrow(axis, 0, pixels.shape[axis])
            between = torch.lerp(previous, pixels, 0.5)
            pixels = torch.stack([between, pixels], dim=axis + 1).flatten(axis, axis + 1)
        return pixels.permute(0, 3, 1, 2)


class Downsample(nn.Module):
    """Downsampling by two with the filter [1, 2, 1] / 4 along both axes, and a 1x1 convolution where channels change.

    Args:
        in_channels, out_channels: of the convolution, which comes after the filter, on fewer pixels.
    Shape:
        (B, in_channels, H, W), H and W even -> (B, out_channels, H / 2, W / 2)
    Source:
        As for Upsample.
    """

    kernel: Tensor

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.change = _change(in_channels, out_channels)
        filter_1d = torch.tensor([0.25, 0.5, 0.25])
        kernel = (filter_1d[:, None] * filter_1d).expand(in_channels, 1, 3, 3)
        self.register_buffer("kernel", kernel.contiguous(), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        kernel = self.kernel.to(images.dtype)
        halved = functional.conv2d(images, kernel, stride=2, padding=1, groups=images.shape[1])
        return self.change(halved)


def _change(in_channels: int, out_channels: int) -> nn.Module:
    if in_channels == out_channels:
        return nn.Identity()
    layer = nn.Conv2d(in_channels, out_channels, 1, bias=False)
    start_scaled(layer.weight)
    return layer
