"""Faces and speech that stand in a corpus twice: bit for bit, or nearly, in another video of the same person."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from facegen.data.importers.clip_files import digest

MOST_BITS = 4
"""Of 64 by which the pictures of two faces may differ that are compared at all."""
LEAST_LIKENESS = 0.995
"""Correlation of two faces at 24x24 grey levels from which on they are nearly the same picture. Photographs that were
compressed anew, or shrunk, stay above 0.997; a crop that is shifted by more than a pixel or so does not."""
LEAST_CONTRAST = 8.0
"""Grey levels between the darkest and the lightest of 72 places; flatter pictures tell nothing."""
_THUMB_PIXELS = 24
_BYTES = 8
_BANDS = MOST_BITS + 1


@dataclass(frozen=True)
class Repetition:
    """A row that says again what an earlier one says.

    Attributes:
        row, earlier: their numbers.
        kind: the same picture, nearly the same one, or the same speech.
    """

    row: int
    earlier: int
    kind: Literal["same picture", "nearly the same picture", "same speech"]


def picture_hash(face: NDArray[np.uint8]) -> bytes:
    """64 bits: whether it gets lighter from each of 8x8 places to its neighbour; empty where it shows next to nothing.

    Source:
        Krawetz 2013 (difference hash).
    """
    grey = cv2.resize(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), (9, 8), interpolation=cv2.INTER_AREA).astype(np.int16)
    if np.ptp(grey) < LEAST_CONTRAST:
        return b""
    return np.packbits(grey[:, 1:] > grey[:, :-1]).tobytes()


class Repetitions:
    """Told of rows one by one, in their order; says which of them are repetitions."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, bytes], int] = {}
        self._alike: dict[tuple[int, int, int], list[int]] = {}
        self._seen: dict[int, tuple[int, int, NDArray[np.float16]]] = {}

    def of_face(self, row: int, face: NDArray[np.uint8], person: int, video: int) -> Iterator[Repetition]:
        """The face's earliest twin, if there is one: anybody's with the same pixels, or, nearly, the person's own.

        Args:
            row: its number.
            face: (H, W, 3).
            person: whose it is said to be.
            video: where it comes from; neighbours in one video are alike without being a mistake.
        """
        earlier = self._first.setdefault(("picture", digest(face)), row)
        if earlier != row:
            yield Repetition(row, earlier, "same picture")
            return
        seen = picture_hash(face)
        if not seen:
            return
        bits = int.from_bytes(seen)
        thumb = _thumb(face)
        twin = min(self._near(bits, thumb, person, video), default=None)
        if twin is not None:
            yield Repetition(row, twin, "nearly the same picture")
        self._seen[row] = (bits, video, thumb)
        for key in _keys(bits, person):
            self._alike.setdefault(key, []).append(row)

    def of_speech(self, row: int, speech: bytes) -> Iterator[Repetition]:
        """The earliest row with the same speech, by its digest."""
        earlier = self._first.setdefault(("speech", speech), row)
        if earlier != row:
            yield Repetition(row, earlier, "same speech")

    def _near(self, bits: int, thumb: NDArray[np.float16], person: int, video: int) -> Iterator[int]:
        """Two hashes that differ in few bits agree in one of their bands, so only such are compared."""
        for key in _keys(bits, person):
            for row in self._alike.get(key, ()):
                other, source, picture = self._seen[row]
                if source == video or (bits ^ other).bit_count() > MOST_BITS:
                    continue
                if float(np.dot(thumb.astype(np.float32), picture.astype(np.float32))) >= LEAST_LIKENESS:
                    yield row


def _thumb(face: NDArray[np.uint8]) -> NDArray[np.float16]:
    """(576,) of length 1, without brightness and contrast."""
    grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_THUMB_PIXELS, _THUMB_PIXELS), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
    small -= small.mean()
    return (small / max(float(np.linalg.norm(small)), 1e-6)).astype(np.float16)


def _keys(bits: int, person: int) -> Iterator[tuple[int, int, int]]:
    width = -(-8 * _BYTES // _BANDS)
    for band in range(_BANDS):
        yield person, band, (bits >> (band * width)) & ((1 << width) - 1)
