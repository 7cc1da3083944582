"""Measurement of pitch and formants from audio, in numpy and scipy."""

import numpy as np
from scipy.signal import butter, resample_poly, sosfiltfilt

_LPC_RATE_HZ, _LPC_ORDER, _WINDOW_SECONDS = 11000, 15, 0.05


def _cut(samples: np.ndarray, centres: np.ndarray, length: int) -> np.ndarray:
    return samples[centres[:, None] - length // 2 + np.arange(length)]


def measure_f0(samples: np.ndarray, rate_hz: int, centres: np.ndarray) -> np.ndarray:
    """Measure f0 as the shortest lag with nearly the highest normalised autocorrelation of the low-passed signal."""
    low = sosfiltfilt(butter(4, 600, fs=rate_hz, output="sos"), samples)
    frames = _cut(low, centres, round(_WINDOW_SECONDS * rate_hz))
    lags = np.arange(rate_hz // 350 - 1, rate_hz // 70 + 2)
    length = frames.shape[1] - lags[-1]
    values = []
    for lag in lags:
        start = (lags[-1] - lag) // 2
        a, b = frames[:, start : start + length], frames[:, start + lag : start + lag + length]
        values.append((a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1)))
    corr = np.stack(values, 1)
    peak = (corr[:, 1:-1] >= corr[:, :-2]) & (corr[:, 1:-1] >= corr[:, 2:])
    best = (peak & (corr[:, 1:-1] > 0.85 * corr.max(1, keepdims=True))).argmax(1) + 1
    rows = np.arange(len(best))
    left, middle, right = corr[rows, best - 1], corr[rows, best], corr[rows, best + 1]
    return rate_hz / (lags[best] + 0.5 * (left - right) / (left - 2 * middle + right))


def _sparse_linear_prediction(frames: np.ndarray) -> np.ndarray:
    """Compute predictors of least absolute error by reweighted least squares.

    The squared error would pull the formants to harmonics (Giacobello et al. 2012).
    """
    target = frames[:, _LPC_ORDER:]
    past = np.stack([frames[:, _LPC_ORDER - k : -k] for k in range(1, _LPC_ORDER + 1)], 2)
    weight = np.ones_like(target)
    for _ in range(8):
        weighted = past.transpose(0, 2, 1) * weight[:, None]
        predictor = np.linalg.solve(weighted @ past, weighted @ target[..., None])
        error = np.abs(target - (past @ predictor)[..., 0])
        weight = 1 / (error + 0.05 * error.mean(1, keepdims=True))
    return predictor[..., 0]


def measure_formants(samples: np.ndarray, rate_hz: int, centres: np.ndarray) -> np.ndarray:
    """Measure (frames, 3) formants: the lowest narrow resonances of linear prediction, in order of frequency."""
    speech = resample_poly(samples, _LPC_RATE_HZ, rate_hz)
    speech = np.append(0.0, speech[1:] - 0.97 * speech[:-1])
    frames = _cut(speech, centres * _LPC_RATE_HZ // rate_hz, round(_WINDOW_SECONDS * _LPC_RATE_HZ))
    predictors = _sparse_linear_prediction(frames)
    companion = np.zeros((len(frames), _LPC_ORDER, _LPC_ORDER))
    companion[:, 0] = predictors
    companion[:, np.arange(1, _LPC_ORDER), np.arange(_LPC_ORDER - 1)] = 1
    roots = np.linalg.eigvals(companion)
    hz = np.angle(roots) * _LPC_RATE_HZ / (2 * np.pi)
    bandwidth_hz = -np.log(np.abs(roots) + 1e-9) * _LPC_RATE_HZ / np.pi
    is_formant = (hz > 230) & (hz < _LPC_RATE_HZ / 2 - 300) & (bandwidth_hz < 500)
    return np.sort(np.where(is_formant, hz, np.inf), 1)[:, :3]
