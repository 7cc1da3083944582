"""How much of a spectrogram, or of a waveform, a stack of convolutions leaves."""

from bisect import bisect_left

from torch import nn

_ENDLESS = 1 << 40


def size_left(blocks: nn.Sequential, bins: int, frames: int) -> tuple[int, int]:
    """Bins and frames that come out of blocks with a method `left(bins, frames)`; below 1 where there are too few."""
    for block in blocks:
        bins, frames = block.left(bins, frames)  # type: ignore[operator]
    return bins, frames


def bins_left(blocks: nn.Sequential, bins: int) -> int:
    """Bins that come out, however long the input; below 1 where there are too few."""
    return size_left(blocks, bins, _ENDLESS)[0]


def shortest(blocks: nn.Sequential) -> int:
    """Fewest frames of which any come out."""
    return 1 + bisect_left(range(1, _ENDLESS), True, key=lambda frames: size_left(blocks, 1, frames)[1] >= 1)


def convolved(size: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    """What a convolution or pooling makes of one axis; `padding` counts both sides."""
    return (size + padding - kernel) // stride + 1
