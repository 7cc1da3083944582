"""Upsampling block of StackGAN."""

from torch import nn

from facegen.parts.layers.folded import UpsampleConv2d


class UpsampleBlock(nn.Sequential):
    """relu(BN(conv3(upsample(h)))), nearest upsampling by two.

    Args:
        in_channels, out_channels: of the convolution; it has no bias, since the norm removes it.
    Shape:
        (B, in_channels, H, W) -> (B, out_channels, 2 H, 2 W)
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        conv = UpsampleConv2d(in_channels, out_channels, bias=False)
        super().__init__(conv, nn.BatchNorm2d(out_channels), nn.ReLU())
