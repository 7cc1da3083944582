"""Audio quality: shares of silent and of clipped sound in a window."""

import numpy as np
from numpy.typing import NDArray

PIECE_SECONDS = 0.02
FULL_SCALE = 32768.0
CLIPPED_LEVEL = 0.98
"""Share of full scale from which on a sample is clipped; below 1 because coding and resampling smooth the peaks."""


def sounding_share(samples: NDArray[np.int16], sample_rate_hz: int, silence_db: float) -> float:
    """Compute the share of 20 ms pieces whose level is at least `silence_db`, in dB of a full-scale square wave."""
    length = round(PIECE_SECONDS * sample_rate_hz)
    whole = len(samples) // length
    if not whole:
        return 0.0
    pieces = samples[: whole * length].reshape(whole, length).astype(np.float64)
    power = (pieces**2).mean(axis=1) / FULL_SCALE**2
    return float((power >= 10 ** (silence_db / 10)).mean())


def clipped_share(samples: NDArray[np.int16]) -> float:
    """Compute the share of samples at full scale."""
    if not len(samples):
        return 0.0
    return float((np.abs(samples.astype(np.int32)) >= CLIPPED_LEVEL * FULL_SCALE).mean())
