"""Output sizes of stacks of convolutions over spectrograms and waveforms."""

from bisect import bisect_left

from torch import nn

_ENDLESS = 1 << 40


def size_left(blocks: nn.Sequential, bins: int, frames: int) -> tuple[int, int]:
    """Return the output bins and frames of blocks with a method `left(bins, frames)`; below 1 where input is short."""
    for block in blocks:
        bins, frames = block.left(bins, frames)  # type: ignore[operator]
    return bins, frames


def bins_left(blocks: nn.Sequential, bins: int) -> int:
    """Return the output bins for any number of frames; below 1 where there are too few bins."""
    return size_left(blocks, bins, _ENDLESS)[0]


def shortest(blocks: nn.Sequential) -> int:
    """Return the least number of frames that leaves one."""
    return 1 + bisect_left(range(1, _ENDLESS), True, key=lambda frames: size_left(blocks, 1, frames)[1] >= 1)


def convolved(size: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    """Return the output size of a convolution or pooling along one axis; `padding` is the sum of both sides."""
    return (size + padding - kernel) // stride + 1
