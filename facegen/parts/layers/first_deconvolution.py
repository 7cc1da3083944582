"""Transposed convolution of a single pixel."""

from torch import Tensor, nn


class FirstDeconv2d(nn.ConvTranspose2d):
    """Transposed convolution of a vector, computed as a matrix product.

    y[b, o, i, j] = sum_c v[b, c] w[c, o, i, j] + bias[o]

    Args:
        in_channels, out_channels: as in nn.ConvTranspose2d.
        pixels: side of the output, and of the kernel.
        bias: whether it has a bias.
    Shape:
        (B, in_channels) -> (B, out_channels, pixels, pixels), channels_last
    """

    def __init__(self, in_channels: int, out_channels: int, pixels: int, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, pixels, bias=bias)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        weight = self.weight.permute(0, 2, 3, 1)  # a view, which flattens without a copy in channels_last
        pixels = (input @ weight.flatten(1)).unflatten(1, weight.shape[1:])
        if self.bias is not None:
            pixels = pixels + self.bias
        return pixels.permute(0, 3, 1, 2)
