"""Features of faces and of speech that need no weights."""

from typing import ClassVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facegen.core.interfaces import Recogniser

PLAIN = "plain"
_MARGIN = 0.1
"""Of the picture on each side, which shows more background than face."""
_SIDE = 64
_WINDOW_SECONDS, _HOP_SECONDS = 0.05, 0.02
_LOWEST_HZ, _HIGHEST_HZ = 60.0, 400.0
_NUM_PITCHES = 32
_OCTAVES_AROUND = 0.15
"""How far the count of a pitch spreads to its neighbours."""
_PERIODIC = 0.5
"""Share of a piece's energy that returns after one period, from which on it is a voice's."""
_AS_HIGH = 0.85
"""Of the highest peak; one as high and earlier is the period itself."""
_PEAK_WIDTH = 1.15
"""How many times longer the top of a peak is at most than where it becomes high."""
_QUIET = 1e-2
"""Of the loudest piece's energy; quieter ones are pauses, or somebody in the background."""
_LEAST_PIECES = 25
"""With a pitch, half a second of voice; fewer say little about whose it is."""
_SILENT_ENERGY = 1e-6
"""A sample's, over that of full scale, below which there is nothing to hear."""

Floats = NDArray[np.float64]


class Plain(Recogniser):
    """Shapes in a face and pitch of a voice, by fixed formulas.

    Faces: histograms of the directions of edges. Speech: how often each pitch comes, of pieces that have one. Both are
    weak: light and pose weigh as much as who it is, and many voices are as high as each other.

    Source:
        Dalal and Triggs 2005 (histograms of oriented gradients). The pitch is the highest peak of the autocorrelation.
    """

    embeds: ClassVar[frozenset[str]] = frozenset({"faces", "speech"})

    def fingerprint(self) -> str:
        return "plain 1"

    def embed_faces(self, faces: Tensor) -> Tensor:
        describe = cv2.HOGDescriptor((_SIDE, _SIDE), (16, 16), (8, 8), (8, 8), 9)
        rows = [np.asarray(describe.compute(_grey(face)), np.float32).ravel() for face in faces.numpy()]
        found = torch.from_numpy(np.stack(rows))
        # A picture of one grey has no edges, and so no direction.
        return torch.where(found.any(dim=1, keepdim=True), found, torch.nan)

    def embed_speech(self, speech: Tensor, sample_rate_hz: int) -> Tensor:
        return torch.from_numpy(np.stack([_voice(row, sample_rate_hz) for row in speech.numpy()]))


def _grey(face: NDArray[np.uint8]) -> NDArray[np.uint8]:
    edge = round(len(face) * _MARGIN)
    inner = cv2.cvtColor(face[edge : len(face) - edge, edge : len(face) - edge], cv2.COLOR_RGB2GRAY)
    shrunk: NDArray[np.uint8] = cv2.resize(inner, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.uint8)
    return shrunk


def _voice(samples: NDArray[np.int16], rate: int) -> NDArray[np.float32]:
    pitches = _octaves(samples.astype(np.float64) / 32768, rate)
    if len(pitches) < _LEAST_PIECES:
        return np.full(_NUM_PITCHES, np.nan, np.float32)
    places = np.linspace(np.log2(_LOWEST_HZ), np.log2(_HIGHEST_HZ), _NUM_PITCHES)
    counts = np.exp(-0.5 * ((places - pitches[:, None]) / _OCTAVES_AROUND) ** 2).sum(axis=0)
    return np.sqrt(counts).astype(np.float32)


def _octaves(signal: Floats, rate: int) -> Floats:
    """Logarithms of the pitches of those pieces that have one."""
    size, hop = round(_WINDOW_SECONDS * rate), round(_HOP_SECONDS * rate)
    if len(signal) < size:
        return np.empty(0)
    pieces = np.lib.stride_tricks.sliding_window_view(signal, size)[::hop]
    pieces = pieces - pieces.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(pieces, 2 * size, axis=1)
    energy = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, :size]
    first, last = round(rate / _HIGHEST_HZ), round(rate / _LOWEST_HZ)
    # Fewer samples overlap, the longer the period: what returns is measured by the sample.
    returned = energy[:, first:last] / (1 - np.arange(first, last) / size)
    # Two periods return as much as one does: the first of the high peaks is the period.
    high = (returned >= _AS_HIGH * returned.max(axis=1, keepdims=True)).argmax(axis=1)
    lags = np.arange(last - first)
    beyond = (lags < high[:, None]) | (lags + first > _PEAK_WIDTH * (high[:, None] + first))
    peak = np.where(beyond, -np.inf, returned).argmax(axis=1)
    voiced = returned[np.arange(len(pieces)), peak] > _PERIODIC * energy[:, 0]
    voiced &= energy[:, 0] > _QUIET * max(energy[:, 0].max(), _SILENT_ENERGY * size)
    octaves: Floats = np.log2(rate / (first + peak[voiced]))
    return octaves
