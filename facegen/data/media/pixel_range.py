"""Scaling of samples with more than 8 bits to 8 bits, by the range that they actually use."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

USUAL_BITS = (8, 10, 12, 14, 16)
"""Bit depths of sensors and converters; their samples are often stored in containers of greater depth."""
OVERSHOOT = 1.05
"""Factor by which resampled float images may exceed their range."""
MIN_BRIGHTEST = 1 / 8
"""Smallest brightness of the brightest samples, as a share of full scale; in a darker image, the range is unknown."""
BRIGHTEST_QUANTILE = 0.999
MAX_QUANTILE_SAMPLES = 10**6


class UnknownRangeError(Exception):
    """Samples whose full scale cannot be determined; the text is the reason."""


def to_8_bits(samples: NDArray[Any], bits: int | None) -> tuple[NDArray[np.uint8], str]:
    """Scale samples to 0 to 255 by their full scale.

    Full scale is that of the lowest usual depth that can represent the largest sample: a 16-bit file with samples up to
    4095 holds 12-bit samples. The full scale of floats may also be 1.

    Args:
        samples: integers or floats of any shape.
        bits: declared bit depth; None for floats.
    Returns:
        The uint8 samples, and a description of the full scale if it is not the declared one, else "".
    Raises:
        UnknownRangeError: samples are negative, not finite, or match no range.
    """
    if not np.isfinite(samples).all():
        raise UnknownRangeError("some samples are not finite")
    low, high = float(samples.min()), float(samples.max())
    slack = OVERSHOOT if bits is None else 1.0
    full = _full_scale(high, bits, slack)
    if full is None or low < (1 - slack) * full:
        raise UnknownRangeError(f"its samples range from {low:g} to {high:g}")
    sampled = samples.ravel()[:: max(1, samples.size // MAX_QUANTILE_SAMPLES)]
    if np.quantile(sampled, BRIGHTEST_QUANTILE) < MIN_BRIGHTEST * full:
        raise UnknownRangeError(f"its samples range from {low:g} to {high:g}, nearly all below {full / 8:g}")
    usual = 1.0 if bits is None else 2.0**bits - 1
    return _scaled(samples, full), "" if full == usual else f"white is {full:g} instead of {usual:g}"


def opacity_to_8_bits(opacity: NDArray[Any], bits: int | None) -> NDArray[np.uint8]:
    """Scale an alpha channel to 0 to 255 by its own full scale."""
    return _scaled(opacity, _full_scale(float(opacity.max()), bits, OVERSHOOT) or float(opacity.max()))


def _full_scale(high: float, bits: int | None, slack: float) -> float | None:
    """Return the lowest full scale that can represent a sample; None if there is none."""
    scales = [2.0**usual - 1 for usual in USUAL_BITS if bits is None or usual < bits]
    scales = [1.0, *scales] if bits is None else [*scales, 2.0**bits - 1]
    return next((scale for scale in scales if high <= scale * slack), None)


def _scaled(samples: NDArray[Any], full: float) -> NDArray[np.uint8]:
    """Scale to 8 bits: integers keep their upper 8 bits, floats are rounded."""
    if samples.dtype.kind == "f":
        return np.rint(samples * (255 / full)).clip(0, 255).astype(np.uint8)
    return (samples.astype(np.int64) * 256 // (int(full) + 1)).clip(0, 255).astype(np.uint8)
