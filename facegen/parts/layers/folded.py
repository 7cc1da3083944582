"""3x3 convolution and resampling by two, as one 4x4 convolution.

Nearest upsampling and average pooling are linear, so that they can be folded into the kernel: with
box(w)[j] = w[j] + w[j-1] along each axis, a kernel of 3 becomes one of 4. The results differ by rounding only.
"""

from torch import Tensor, nn
from torch.nn import functional


def box(kernel: Tensor) -> Tensor:
    """Add neighbours along both axes: (O, I, 3, 3) -> (O, I, 4, 4)."""
    rows = functional.pad(kernel, (0, 0, 1, 0)) + functional.pad(kernel, (0, 0, 0, 1))
    return functional.pad(rows, (1, 0)) + functional.pad(rows, (0, 1))


class ConvPool2d(nn.Conv2d):
    """3x3 convolution and 2x2 average pooling: a 4x4 convolution of stride 2 with box(w) / 4.

    Args:
        in_channels, out_channels: as in nn.Conv2d.
        bias: whether it has a bias.
    Shape:
        (B, in_channels, H, W), H and W even -> (B, out_channels, H / 2, W / 2)
    """

    def __init__(self, in_channels: int, out_channels: int, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, 3, padding=1, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        return functional.conv2d(input, box(self.weight) / 4, self.bias, stride=2, padding=1)


class UpsampleConv2d(nn.Conv2d):
    """Nearest upsampling by two and 3x3 convolution: a transposed 4x4 convolution of stride 2 with flipped box(w).

    Args:
        in_channels, out_channels: as in nn.Conv2d.
        bias: whether it has a bias.
    Shape:
        (B, in_channels, H, W) -> (B, out_channels, 2 H, 2 W)
    """

    def __init__(self, in_channels: int, out_channels: int, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, 3, padding=1, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        kernel = box(self.weight).flip(2, 3).transpose(0, 1)
        return functional.conv_transpose2d(input, kernel, self.bias, stride=2, padding=1)
