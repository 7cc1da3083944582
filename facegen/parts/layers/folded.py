"""3x3 convolution and resampling by two, as one 4x4 convolution.

Nearest upsampling and average pooling are linear, so that they can be folded into the kernel: with
box(w)[j] = w[j] + w[j-1] along each axis, a kernel of 3 becomes one of 4. The results differ by rounding only.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from facegen.parts.layers.precision import without_autocast


def folding() -> Tensor:
    """Build the matrix of box along both axes, (16, 9): taps of a 4x4 kernel from those of a 3x3 kernel."""
    along_axis = torch.eye(4, 3) + torch.eye(4, 3).roll(1, 0)
    return torch.kron(along_axis, along_axis)


def fold(kernel: Tensor, matrix: Tensor) -> Tensor:
    """Multiply the taps of a kernel by a matrix: (O, I, 3, 3), (16, 9) -> (O, I, 4, 4), in channels-last format.

    One matrix product takes a third of the time of padding and adding, which counts at small batches.
    """
    num_outputs, num_inputs = kernel.shape[:2]
    taps = kernel.permute(0, 2, 3, 1).reshape(num_outputs, 9, num_inputs)
    with without_autocast(kernel.device):  # the convolution rounds, once
        folded = matrix @ taps
    return folded.view(num_outputs, 4, 4, num_inputs).permute(0, 3, 1, 2)


class ConvPool2d(nn.Conv2d):
    """3x3 convolution and 2x2 average pooling: a 4x4 convolution of stride 2 with box(w) / 4.

    Args:
        in_channels, out_channels: as in nn.Conv2d.
        bias: whether it has a bias.
    Shape:
        (B, in_channels, H, W), H and W even -> (B, out_channels, H / 2, W / 2)
    """

    folding: Tensor

    def __init__(self, in_channels: int, out_channels: int, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, 3, padding=1, bias=bias)
        self.register_buffer("folding", folding() / 4, persistent=False)

    def forward(self, input: Tensor) -> Tensor:
        return functional.conv2d(input, fold(self.weight, self.folding), self.bias, stride=2, padding=1)


class UpsampleConv2d(nn.Conv2d):
    """Nearest upsampling by two and 3x3 convolution: a transposed 4x4 convolution of stride 2 with flipped box(w).

    Args:
        in_channels, out_channels: as in nn.Conv2d.
        bias: whether it has a bias.
    Shape:
        (B, in_channels, H, W) -> (B, out_channels, 2 H, 2 W)
    """

    folding: Tensor

    def __init__(self, in_channels: int, out_channels: int, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, 3, padding=1, bias=bias)
        self.register_buffer("folding", folding().flip(0), persistent=False)

    def forward(self, input: Tensor) -> Tensor:
        kernel = fold(self.weight, self.folding).transpose(0, 1)
        return functional.conv_transpose2d(input, kernel, self.bias, stride=2, padding=1)
