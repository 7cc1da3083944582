"""Recogniser without weights: HOG features of faces, and pitch histograms of speech."""

from typing import ClassVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facegen.core.interfaces import Recogniser

HOG_PITCH = "hog_pitch"
_MARGIN = 0.1
"""Share of the image cut off on each side, which shows mostly background."""
_SIDE = 64
_WINDOW_SECONDS, _HOP_SECONDS = 0.05, 0.02
_LOWEST_HZ, _HIGHEST_HZ = 60.0, 400.0
_NUM_PITCHES = 32
_OCTAVES_AROUND = 0.15
"""Standard deviation of the smoothing of the pitch histogram, in octaves."""
_PERIODIC = 0.5
"""Least autocorrelation at one period, relative to the energy, of a voiced piece."""
_AS_HIGH = 0.85
"""Share of the highest peak; the first peak above it is taken for the period."""
_PEAK_WIDTH = 1.15
"""Largest ratio of the lag of a peak's top to the lag at which it becomes high."""
_QUIET = 1e-2
"""Share of the loudest piece's energy; quieter pieces are pauses or background voices."""
_LEAST_PIECES = 25
"""Least number of voiced pieces, half a second of voice; with fewer, the features are NaN."""
_SILENT_ENERGY = 1e-6
"""Energy per sample below which a window is silent, relative to full scale."""

Floats = NDArray[np.float64]


class HogPitch(Recogniser):
    """Recogniser by histograms of oriented gradients of a face, and of the pitch of a voice.

    Both features are weak: light and pose change the gradients as much as identity does, and many voices share a pitch.

    Source:
        Dalal and Triggs 2005 (histograms of oriented gradients). The pitch is the highest peak of the autocorrelation.
    """

    embeds: ClassVar[frozenset[str]] = frozenset({"faces", "speech"})

    def fingerprint(self) -> str:
        return "hog_pitch 1"

    def embed_faces(self, faces: Tensor) -> Tensor:
        descriptor = cv2.HOGDescriptor((_SIDE, _SIDE), (16, 16), (8, 8), (8, 8), 9)
        rows = [np.asarray(descriptor.compute(_grey(face)), np.float32).ravel() for face in faces.numpy()]
        features = torch.from_numpy(np.stack(rows))
        # An image of one grey level has no gradients.
        return torch.where(features.any(dim=1, keepdim=True), features, torch.nan)

    def embed_speech(self, speech: Tensor, sample_rate_hz: int) -> Tensor:
        return torch.from_numpy(np.stack([_pitch_histogram(row, sample_rate_hz) for row in speech.numpy()]))


def _grey(face: NDArray[np.uint8]) -> NDArray[np.uint8]:
    edge = round(len(face) * _MARGIN)
    inner = cv2.cvtColor(face[edge : len(face) - edge, edge : len(face) - edge], cv2.COLOR_RGB2GRAY)
    shrunk: NDArray[np.uint8] = cv2.resize(inner, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.uint8)
    return shrunk


def _pitch_histogram(samples: NDArray[np.int16], rate_hz: int) -> NDArray[np.float32]:
    """Compute the square root of the smoothed histogram of log2 pitch; NaN with too few voiced pieces."""
    pitches = _log_pitches(samples.astype(np.float64) / 32768, rate_hz)
    if len(pitches) < _LEAST_PIECES:
        return np.full(_NUM_PITCHES, np.nan, np.float32)
    bins = np.linspace(np.log2(_LOWEST_HZ), np.log2(_HIGHEST_HZ), _NUM_PITCHES)
    counts = np.exp(-0.5 * ((bins - pitches[:, None]) / _OCTAVES_AROUND) ** 2).sum(axis=0)
    return np.sqrt(counts).astype(np.float32)


def _log_pitches(signal: Floats, rate_hz: int) -> Floats:
    """Compute log2 of the pitch in Hz of all voiced pieces."""
    size, hop = round(_WINDOW_SECONDS * rate_hz), round(_HOP_SECONDS * rate_hz)
    if len(signal) < size:
        return np.empty(0)
    pieces = np.lib.stride_tricks.sliding_window_view(signal, size)[::hop]
    pieces = pieces - pieces.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(pieces, 2 * size, axis=1)
    autocorrelation = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, :size]
    energy = autocorrelation[:, 0]
    first, last = round(rate_hz / _HIGHEST_HZ), round(rate_hz / _LOWEST_HZ)
    # Fewer samples overlap at longer lags, so the autocorrelation is taken per overlapping sample.
    normalised = autocorrelation[:, first:last] / (1 - np.arange(first, last) / size)
    # The peak at two periods is as high as the one at one period, so the first high peak is the period.
    high = (normalised >= _AS_HIGH * normalised.max(axis=1, keepdims=True)).argmax(axis=1)
    lags = np.arange(last - first)
    beyond = (lags < high[:, None]) | (lags + first > _PEAK_WIDTH * (high[:, None] + first))
    peak = np.where(beyond, -np.inf, normalised).argmax(axis=1)
    voiced = normalised[np.arange(len(pieces)), peak] > _PERIODIC * energy
    voiced &= energy > _QUIET * max(energy.max(), _SILENT_ENERGY * size)
    log_pitches: Floats = np.log2(rate_hz / (first + peak[voiced]))
    return log_pitches
