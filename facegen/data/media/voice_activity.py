"""Detection of speech in a sound: by silero-vad if it is installed, by level and periodicity otherwise."""

import warnings
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

FRAME_SECONDS, STEP_SECONDS = 0.04, 0.02
PITCH_HZ = (60.0, 400.0)
MIN_PERIODICITY = 0.6
"""Least correlation of a voiced frame with itself one period later."""
SILENCE_DB = -60.0
"""Level of silence, in dB of full scale."""
QUIET_DB = -35.0
"""Level of a quiet frame, in dB of the loudest one."""
MIN_VOICED_SHARE = 0.05
MIN_SECONDS = 1.0
"""A shorter sound, which may lie between two vowels, is not examined."""
_FULL_SCALE = 32768.0
_SILERO_RATES_HZ = (8000, 16000)


def contains_speech(samples: NDArray[np.int16], sample_rate_hz: int) -> bool:
    """Detect speech in a sound; a sound of less than MIN_SECONDS counts as speech.

    Without silero-vad, silence and noise are told from speech, but tones and music are not.

    Args:
        samples: (samples,)
        sample_rate_hz: sample rate.
    """
    if len(samples) < MIN_SECONDS * sample_rate_hz:
        return True
    silero = _silero()
    if silero is not None and sample_rate_hz in _SILERO_RATES_HZ:
        network, find = silero
        sound = torch.from_numpy(samples.astype(np.float32) / _FULL_SCALE)
        return bool(find(sound, network, sampling_rate=sample_rate_hz))
    return voiced_share(samples, sample_rate_hz) >= MIN_VOICED_SHARE


def voiced_share(samples: NDArray[np.int16], sample_rate_hz: int) -> float:
    """Compute the share of frames that are neither quiet nor aperiodic.

        r(l) = sum_t x_t x_{t+l} / sqrt(sum_t x_t^2 sum_t x_{t+l}^2),   l from 1/400 s to 1/60 s

    Args:
        samples: (samples,)
        sample_rate_hz: sample rate.
    """
    length, step = round(FRAME_SECONDS * sample_rate_hz), round(STEP_SECONDS * sample_rate_hz)
    if len(samples) < length:
        return 0.0
    sound = samples.astype(np.float64) / _FULL_SCALE
    frames = np.lib.stride_tricks.sliding_window_view(sound, length)[::step]
    frames = frames - frames.mean(axis=1, keepdims=True)
    level_db = 10 * np.log10((frames**2).mean(axis=1) + 1e-12)
    is_loud = (level_db > SILENCE_DB) & (level_db > level_db.max() + QUIET_DB)
    periodicity = np.zeros(len(frames))
    periodicity[is_loud] = _periodicity(frames[is_loud], sample_rate_hz)
    return float((periodicity >= MIN_PERIODICITY).mean())


def _periodicity(frames: NDArray[np.float64], sample_rate_hz: int) -> NDArray[np.float64]:
    """Compute the highest normalised correlation at a lag of the pitch: (N, length) -> (N,)."""
    length = frames.shape[1]
    shortest, longest = round(sample_rate_hz / PITCH_HZ[1]), min(round(sample_rate_hz / PITCH_HZ[0]), length - 1)
    spectrum = np.fft.rfft(frames, 2 * length)
    products = np.fft.irfft(np.abs(spectrum) ** 2)[:, shortest : longest + 1]
    energy = np.cumsum(frames**2, axis=1)
    lags = np.arange(shortest, longest + 1)
    before, after = energy[:, length - 1 - lags], energy[:, -1:] - energy[:, lags - 1]
    normalised: NDArray[np.float64] = products / np.sqrt(before * after + 1e-18)
    return normalised.max(axis=1, initial=0.0)


@cache
def _silero() -> Any:
    """Load the network and the function of the package silero-vad; None if it is not installed."""
    num_threads = torch.get_num_threads()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warnings of the package are of no use to a user of facegen
            from silero_vad import get_speech_timestamps, load_silero_vad

            return load_silero_vad(), get_speech_timestamps
    except ImportError:
        return None
    finally:
        torch.set_num_threads(num_threads)  # the package sets it to one
