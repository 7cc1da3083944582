"""Building blocks of DCGAN and its successors."""

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from facegen.parts.layers.precision import Float32Linear

Norm = Literal["batch", "spectral", "none"]


class ConvBlock(nn.Sequential):
    """Convolution, optional batch norm, LeakyReLU(0.2).

    Args:
        in_channels, out_channels, kernel_size, stride, padding: of the convolution.
        batch_norm: whether there is a batch norm; the convolution then has no bias, since the norm removes it.
    Shape:
        (B, in_channels, H, W) -> (B, out_channels, ...), as in nn.Conv2d
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int, padding: int, *, batch_norm: bool
    ) -> None:
        conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, bias=not batch_norm)
        norms = [nn.BatchNorm2d(out_channels)] if batch_norm else []
        super().__init__(conv, *norms, nn.LeakyReLU(0.2))


def halving_trunk(channels: list[int], *, batch_norm: bool) -> nn.Sequential:
    """Build 4x4 convolutions of stride 2 between successive numbers of channels; the first one has no batch norm."""
    return nn.Sequential(
        *(
            ConvBlock(before, after, 4, 2, 1, batch_norm=batch_norm and number > 0)
            for number, (before, after) in enumerate(pairwise(channels))
        )
    )


class PairScore(nn.Module):
    """Score of a feature map together with a condition that is repeated at every pixel.

    g(h, c) = w . act(conv([h, tile(c)])) + b,   or   w . [h, tile(c)] + b   without the joint convolution

    w has a weight for every pixel: it is a convolution of the size of the map.

    Args:
        num_channels, base_pixels: of the map h.
        condition_dim: width of the condition.
        kernel_size: of the joint convolution; 0 leaves it out.
        batch_norm: whether the joint convolution has a batch norm.
    Shape:
        (B, num_channels, base_pixels, base_pixels), (B, condition_dim) -> (B,)
    """

    def __init__(
        self, num_channels: int, base_pixels: int, condition_dim: int, *, kernel_size: int, batch_norm: bool
    ) -> None:
        super().__init__()
        both = num_channels + condition_dim
        self.joint: nn.Module = nn.Identity()
        if kernel_size:
            self.joint = ConvBlock(both, num_channels, kernel_size, 1, kernel_size // 2, batch_norm=batch_norm)
        self.to_score = Float32Linear((num_channels if kernel_size else both) * base_pixels**2, 1)

    def forward(self, features: Tensor, condition: Tensor) -> Tensor:
        tiled = condition.to(features.dtype)[:, :, None, None].expand(-1, -1, *features.shape[2:])
        hidden = self.joint(torch.cat([features, tiled], dim=1))
        return self.to_score(hidden.flatten(1))[:, 0]


class Projector(nn.Linear):
    """Linear layer and LeakyReLU(0.2), which reduce the width of a condition.

    Shape:
        (B, in_features) -> (B, out_features)
    """

    def forward(self, input: Tensor) -> Tensor:
        return functional.leaky_relu(super().forward(input), 0.2)


def start_normally(network: nn.Module, deviation: float = 0.02) -> None:
    """Initialise convolutions and linear layers from N(0, deviation^2), batch norm from N(1, deviation^2), biases to 0.

    Source:
        Radford, Metz and Chintala 2016, section 4.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, 0.0, deviation)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, deviation)
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear | nn.BatchNorm2d) and module.bias is not None:
            nn.init.zeros_(module.bias)
