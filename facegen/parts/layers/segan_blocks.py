"""Convolutions of SEGAN's discriminator, as an encoder."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from facegen.parts.layers.lengths import convolved

MIN_WEIGHTS_PER_STEP = 16
"""Weights of an output channel for each output step, from which a matrix product is faster than a convolution."""


class SeganBlock(nn.Module):
    """LeakyReLU_0.3(BN(conv)) along time, padded to (time - 2) // stride + 1 output steps for any kernel.

    It is a 2D convolution of height 1, because channels_last is faster and conv1d does not support it. Over few steps
    it is a matrix product, because libraries then spend most of their time on the layout of the weights.

    Args:
        in_channels, out_channels: as in nn.Conv2d.
        kernel: width in steps, at least 2.
        stride: stride in steps.
    Shape:
        (B, in_channels, 1, time) -> (B, out_channels, 1, (time - 2) // stride + 1)
    Source:
        Pascual et al. 2017 (SEGAN). Batch norm and kernel 15: Roldan Sanchez 2018, section IV-D. Padding of 6 before
        and 7 after, and the slope: as in the code of Wav2Pix (Duarte et al. 2019).
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.pad = ((kernel - 2) // 2, (kernel - 1) // 2)
        self.stride = stride
        self.conv = nn.Conv2d(in_channels, out_channels, (1, kernel), stride=(1, stride), bias=False)
        self.norm = nn.BatchNorm2d(out_channels)
        self.activation = nn.LeakyReLU(0.3)

    def left(self, bins: int, frames: int) -> tuple[int, int]:
        """Return the output bins and frames."""
        return bins, convolved(frames, 2, self.stride)

    def forward(self, hidden: Tensor) -> Tensor:
        padded = functional.pad(hidden, (*self.pad, 0, 0))
        _, steps = self.left(1, hidden.shape[3])
        is_short = self.conv.weight[0].numel() >= MIN_WEIGHTS_PER_STEP * steps
        activated: Tensor = self.activation(self.norm(self._multiply(padded) if is_short else self.conv(padded)))
        return activated

    def _multiply(self, padded: Tensor) -> Tensor:
        """Convolve by a product of windows (B, steps, kernel x channels) with the weights, both with channels last."""
        kernel = self.conv.kernel_size[1]
        windows = padded[:, :, 0].transpose(1, 2).unfold(1, kernel, self.stride).transpose(2, 3)
        weights = self.conv.weight.permute(0, 2, 3, 1).flatten(1)
        return functional.linear(windows.flatten(2), weights).transpose(1, 2)[:, :, None]


def segan_blocks(in_channels: int, widths: Sequence[int], kernel: int, stride: int) -> nn.Sequential:
    """Build one block per width."""
    sizes = zip((in_channels, *widths), widths, strict=False)
    return nn.Sequential(*(SeganBlock(fewer, more, kernel, stride) for fewer, more in sizes))
