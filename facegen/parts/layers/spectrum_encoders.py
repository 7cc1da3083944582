"""Convolutional encoders of spectrograms."""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from facegen.parts.layers.lengths import bins_left, convolved
from facegen.parts.layers.segan_blocks import segan_blocks

Design = Literal["segan", "cnn", "voice2face", "speech2face"]
CHANNELS: dict[Design, tuple[int, ...]] = {
    "segan": (64, 128, 256, 512, 1024, 1024),
    "cnn": (64, 128, 256, 512),
    "voice2face": (256, 384, 576, 864),
    "speech2face": (64, 64, 128, 128, 128, 256, 512, 512, 512),
}

_SPEECH2FACE_BINS = 31
"""Least number of bins of which the convolutions of "speech2face" leave one."""


class SpectrumEncoder(nn.Module):
    """Convolutions from a spectrogram to features over time.

    Args:
        design: "segan": SEGAN's blocks along time, the bins as channels. "cnn": LeakyReLU_0.2(BN(conv 3x3, stride 2))
            along both axes. "voice2face": ReLU(BN(conv 3, stride 2)) along time, the bins as channels.
            "speech2face": nine BN(ReLU(conv 4x4)) without padding; max pooling of 2 along time follows the third to
            sixth, the last two have stride 2.
        planes, bins: of the spectrogram.
        channels: channels of the convolutions; an empty sequence takes those of CHANNELS.
        kernel, stride: of SEGAN's blocks.
    Attributes:
        features: output channels times output bins.
    Shape:
        (B, planes, bins, frames) -> (B, features, steps)
    Source:
        The sizes of "segan": Roldan Sanchez 2018, section IV-D. "voice2face": Wen et al. 2019, and "speech2face": Oh
        et al. 2019, as in public code. The sizes of "cnn" are our choice; the thesis says only that Chen et al.
        2017 use a CNN.
    """

    def __init__(
        self, design: Design, planes: int, bins: int, channels: Sequence[int] = (), *, kernel: int = 15, stride: int = 2
    ) -> None:
        super().__init__()
        channels = channels or CHANNELS[design]
        self.bins_are_channels = design in ("segan", "voice2face")
        in_channels = planes * bins if self.bins_are_channels else planes
        if design == "segan":
            self.blocks = segan_blocks(in_channels, channels, kernel, stride)
        elif design == "speech2face":
            self.blocks = _speech2face_blocks(in_channels, channels)
        else:
            height = 1 if self.bins_are_channels else 3
            slope = 0.0 if design == "voice2face" else 0.2
            sizes = zip((in_channels, *channels), channels, strict=False)
            self.blocks = nn.Sequential(*(_HalvingBlock(fewer, more, height, slope) for fewer, more in sizes))
        self.features = channels[-1] * bins_left(self.blocks, 1 if self.bins_are_channels else bins)

    def forward(self, spectrum: Tensor) -> Tensor:
        if self.bins_are_channels:
            spectrum = spectrum.flatten(1, 2)[:, :, None]
        features: Tensor = self.blocks(spectrum)
        return features.flatten(1, 2)


def encoder_problems(design: Design, bins: int, channels: Sequence[int]) -> list[str]:
    """Return why an encoder cannot be built, one line per problem."""
    problems = []
    if design == "speech2face" and len(channels) not in (0, 9):
        problems.append(f"channels has {len(channels)} numbers; encoder = 'speech2face' has nine convolutions")
    if design == "speech2face" and bins < _SPEECH2FACE_BINS:
        problems.append(
            f"a spectrum of {bins} bins is too small for encoder = 'speech2face', which needs {_SPEECH2FACE_BINS}: "
            "raise num_mels or window_samples"
        )
    return problems


class _HalvingBlock(nn.Module):
    """LeakyReLU(BN(conv)) of stride 2 along time, and along frequency too for height 3."""

    def __init__(self, in_channels: int, out_channels: int, height: int, slope: float) -> None:
        super().__init__()
        self.height_stride = 2 if height == 3 else 1
        self.conv = nn.Conv2d(
            in_channels, out_channels, (height, 3), (self.height_stride, 2), (height // 2, 1), bias=False
        )
        self.norm = nn.BatchNorm2d(out_channels)
        self.activation = nn.LeakyReLU(slope) if slope else nn.ReLU()

    def left(self, bins: int, frames: int) -> tuple[int, int]:
        """Return the output bins and frames."""
        return convolved(bins, 1, self.height_stride), convolved(frames, 1, 2)

    def forward(self, hidden: Tensor) -> Tensor:
        activated: Tensor = self.activation(self.norm(self.conv(hidden)))
        return activated


def _speech2face_blocks(in_channels: int, channels: Sequence[int]) -> nn.Sequential:
    strides, pools = (1, 1, 1, 1, 1, 1, 1, 2, 2), (1, 1, 2, 2, 2, 2, 1, 1, 1)
    sizes = zip((in_channels, *channels), channels, strides, pools, strict=False)
    return nn.Sequential(*(_ValidBlock(*size) for size in sizes))


class _ValidBlock(nn.Module):
    """BN(ReLU(conv 4x4)) without padding, then max pooling along time."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, pool: int) -> None:
        super().__init__()
        self.stride, self.pool = stride, pool
        self.conv = nn.Conv2d(in_channels, out_channels, 4, stride)
        self.activation = nn.ReLU()
        self.norm = nn.BatchNorm2d(out_channels)
        self.max_pool = nn.MaxPool2d((1, pool)) if pool > 1 else nn.Identity()

    def left(self, bins: int, frames: int) -> tuple[int, int]:
        """Return the output bins and frames."""
        return convolved(bins, 4, self.stride), convolved(frames, 4, self.stride) // self.pool

    def forward(self, hidden: Tensor) -> Tensor:
        pooled: Tensor = self.max_pool(self.norm(self.activation(self.conv(hidden))))
        return pooled
