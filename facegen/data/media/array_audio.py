"""Speech from arrays of samples, as it would be read from a file."""

from typing import Any

import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from facegen.core.errors import DataError
from facegen.data.media.audio_decoding import (
    HIGHEST_RATE_HZ,
    LEAST_RATE_HZ,
    MAX_PEAK,
    MAX_SPEECH_HOURS,
    MIN_SPEECH_SECONDS,
)
from facegen.data.media.mono_resampler import AudioFaults, MonoResampler

FRAME_SAMPLES = 1 << 16
_FORMATS = {"int16": "s16", "int32": "s32", "float32": "flt"}


def speech_from_array(samples: NDArray[Any], array_rate_hz: int, sample_rate_hz: int) -> NDArray[np.int16]:
    """Resample samples, and mix their channels: (samples,) int16.

    Args:
        samples: (samples,), or two axes of which the shorter one holds the channels; int16, int32, or floats whose full
            scale is 1.
        array_rate_hz: their rate.
        sample_rate_hz: of the result.
    Raises:
        DataError: shape, type, rate or values are not those of sound.
    """
    channels = _channels(np.asarray(samples))
    if not LEAST_RATE_HZ <= array_rate_hz <= HIGHEST_RATE_HZ:
        raise DataError(f"sample_rate_hz = {array_rate_hz}: must be from {LEAST_RATE_HZ} to {HIGHEST_RATE_HZ}")
    num_samples = channels.shape[1]
    if not MIN_SPEECH_SECONDS <= num_samples / array_rate_hz <= MAX_SPEECH_HOURS * 3600:
        seconds = num_samples / array_rate_hz
        raise DataError(f"speech of {seconds:g} s: must last from {MIN_SPEECH_SECONDS:g} s to {MAX_SPEECH_HOURS} hours")
    if channels.dtype == np.float32:
        _check_floats(channels)
    if not channels.any():
        raise DataError("speech is silent: every sample is 0; give another recording")
    return _resampled(channels, array_rate_hz, sample_rate_hz)


def _channels(samples: NDArray[Any]) -> NDArray[Any]:
    """Bring samples to (channels, samples) of a type in _FORMATS; of more than two channels, take the mean."""
    if samples.ndim not in (1, 2) or not samples.size:
        raise DataError(f"speech of shape {samples.shape}: must be (samples,) or (channels, samples), and not empty")
    if samples.dtype.kind == "f":
        samples = samples.astype(np.float32)
    if samples.dtype.name not in _FORMATS:
        raise DataError(f"speech of type {samples.dtype}: must be int16, int32 or floats from -1 to 1")
    channels = samples[None] if samples.ndim == 1 else samples if samples.shape[0] <= samples.shape[1] else samples.T
    return channels if len(channels) <= 2 else channels.mean(axis=0, keepdims=True).astype(samples.dtype)


def _check_floats(channels: NDArray[Any]) -> None:
    num_bad = int((~np.isfinite(channels)).sum())
    if num_bad:
        raise DataError(f"speech holds NaN or infinity in {num_bad} of {channels.size} samples; export it again")
    peak = float(np.abs(channels).max())
    if peak > MAX_PEAK:
        raise DataError(f"speech has a peak of {peak:g}: floats must be from -1 to 1; divide 16-bit samples by 32768")


def _resampled(channels: NDArray[Any], array_rate_hz: int, sample_rate_hz: int) -> NDArray[np.int16]:
    mono = MonoResampler(sample_rate_hz, AudioFaults())
    layout = "mono" if len(channels) == 1 else "stereo"
    pieces: list[NDArray[np.int16]] = []
    for start in range(0, channels.shape[1], FRAME_SAMPLES):
        packed = np.ascontiguousarray(channels[:, start : start + FRAME_SAMPLES].T).reshape(1, -1)
        frame = AudioFrame.from_ndarray(packed, format=_FORMATS[channels.dtype.name], layout=layout)
        frame.sample_rate = array_rate_hz
        pieces += mono.add(frame, stores_floats=True)
    return np.concatenate([*pieces, *mono.drain()])
