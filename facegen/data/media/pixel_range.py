"""Samples of more than 8 bits, brought to 8 bits by the range that they really use."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

USUAL_BITS = (8, 10, 12, 14, 16)
"""Depths of sensors and converters; their samples are often stored in containers with more bits."""
OVERSHOOT = 1.05
"""Resampling of float pictures overshoots their range by so much."""
MIN_BRIGHTEST = 1 / 8
"""A picture that is darker than this in its brightest places has another range than any that is known."""
BRIGHTEST_QUANTILE = 0.999
MAX_QUANTILE_SAMPLES = 10**6


class UnknownRangeError(Exception):
    """Samples whose full scale cannot be told; the text says why."""


def to_8_bits(samples: NDArray[Any], bits: int | None) -> tuple[NDArray[np.uint8], str]:
    """Scale samples to 0 to 255 by their full scale.

    Full scale is that of the lowest usual depth that holds the largest sample: a 16-bit file with samples up to 4095
    holds 12 bits. Floats may also reach from 0 to 1.

    Args:
        samples: of any shape, integers or floats.
        bits: depth that the file declares; None for floats.
    Returns:
        the uint8 samples, and the full scale in words where it is not the declared one, else "".
    Raises:
        UnknownRangeError: samples are negative, not finite, or fit no range.
    """
    if not np.isfinite(samples).all():
        raise UnknownRangeError("some of its samples are not finite numbers")
    low, high = float(samples.min()), float(samples.max())
    slack = OVERSHOOT if bits is None else 1.0
    full = _full_scale(high, bits, slack)
    if full is None or low < (1 - slack) * full:
        raise UnknownRangeError(f"its samples reach from {low:g} to {high:g}")
    some = samples.ravel()[:: max(1, samples.size // MAX_QUANTILE_SAMPLES)]
    if np.quantile(some, BRIGHTEST_QUANTILE) < MIN_BRIGHTEST * full:
        raise UnknownRangeError(f"its samples reach from {low:g} to {high:g}, nearly all below {full / 8:g}")
    usual = 1.0 if bits is None else 2.0**bits - 1
    return _scaled(samples, full), "" if full == usual else f"white is {full:g} instead of {usual:g}"


def opacity_to_8_bits(opacity: NDArray[Any], bits: int | None) -> NDArray[np.uint8]:
    """Scale an alpha channel to 0 to 255 by its own full scale."""
    return _scaled(opacity, _full_scale(float(opacity.max()), bits, OVERSHOOT) or float(opacity.max()))


def _full_scale(high: float, bits: int | None, slack: float) -> float | None:
    """The lowest full scale that holds a sample; None where none does."""
    scales = [2.0**usual - 1 for usual in USUAL_BITS if bits is None or usual < bits]
    scales = [1.0, *scales] if bits is None else [*scales, 2.0**bits - 1]
    return next((scale for scale in scales if high <= scale * slack), None)


def _scaled(samples: NDArray[Any], full: float) -> NDArray[np.uint8]:
    """Integers keep their upper 8 bits; floats are rounded."""
    if samples.dtype.kind == "f":
        return np.rint(samples * (255 / full)).clip(0, 255).astype(np.uint8)
    return (samples.astype(np.int64) * 256 // (int(full) + 1)).clip(0, 255).astype(np.uint8)
