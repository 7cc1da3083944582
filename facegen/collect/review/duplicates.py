"""Detection of duplicates in a corpus: equal faces and speech, and near-duplicate faces of one person's videos."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from facegen.data.importers.clip_files import digest

MAX_DIFFERING_BITS = 4
"""Largest Hamming distance of the 64-bit hashes of near-duplicate faces."""
MIN_CORRELATION = 0.995
"""Least correlation of near-duplicate faces at 24x24 grey levels. Images that are compressed again or shrunk stay above
0.997; a crop shifted by more than about one pixel does not."""
MIN_CONTRAST = 8.0
"""Least range of the 72 grey levels of a hash; images with less contrast are not compared."""
_THUMBNAIL_PIXELS = 24
_BYTES = 8
_BANDS = MAX_DIFFERING_BITS + 1


@dataclass(frozen=True)
class Duplicate:
    """Row that duplicates an earlier one.

    Attributes:
        row, earlier: numbers of the two rows.
        kind: kind of the duplicate, as the review list words it.
    """

    row: int
    earlier: int
    kind: Literal["same picture", "nearly the same picture", "same speech"]


def picture_hash(face: NDArray[np.uint8]) -> bytes:
    """Compute the 64-bit difference hash of a face: the signs of 8x8 horizontal differences; empty without contrast.

    Source:
        Krawetz 2013 (difference hash).
    """
    grey = cv2.resize(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), (9, 8), interpolation=cv2.INTER_AREA).astype(np.int16)
    if np.ptp(grey) < MIN_CONTRAST:
        return b""
    return np.packbits(grey[:, 1:] > grey[:, :-1]).tobytes()


class DuplicateIndex:
    """Index of faces and speech that finds the earliest duplicate of each added row; add rows in order."""

    def __init__(self) -> None:
        self._first_rows: dict[tuple[str, bytes], int] = {}
        self._rows_by_band: dict[tuple[int, int, int], list[int]] = {}
        self._thumbnails: dict[int, tuple[int, int, NDArray[np.float16]]] = {}

    def add_face(self, row: int, face: NDArray[np.uint8], person: int, video: int) -> Iterator[Duplicate]:
        """Add a face, and yield its earliest duplicate, if any.

        Faces with the same pixels are duplicates; near-duplicates are searched in the person's other videos only,
        because neighbouring frames of one video are always similar.

        Args:
            row: number of the row.
            face: (H, W, 3) uint8 RGB.
            person: number of the person.
            video: number of the video.
        """
        earlier = self._first_rows.setdefault(("picture", digest(face)), row)
        if earlier != row:
            yield Duplicate(row, earlier, "same picture")
            return
        difference_hash = picture_hash(face)
        if not difference_hash:
            return
        bits = int.from_bytes(difference_hash)
        thumbnail = _thumbnail(face)
        thumbnail = _thumbnail(face)
        near_duplicate = min(self._near_duplicates(bits, thumbnail, person, video), default=None)
        if near_duplicate is not None:
            yield Duplicate(row, near_duplicate, "nearly the same picture")
        self._thumbnails[row] = (bits, video, thumbnail)
        for key in _band_keys(bits, person):
            self._rows_by_band.setdefault(key, []).append(row)

    def add_speech(self, row: int, speech: bytes) -> Iterator[Duplicate]:
        """Add speech by its digest, and yield the earliest row with the same speech, if any."""
        earlier = self._first_rows.setdefault(("speech", speech), row)
        if earlier != row:
            yield Duplicate(row, earlier, "same speech")

    def _near_duplicates(self, bits: int, thumbnail: NDArray[np.float16], person: int, video: int) -> Iterator[int]:
        # Hashes that differ in at most MAX_DIFFERING_BITS bits agree in at least one of their bands.
        for key in _band_keys(bits, person):
            for row in self._rows_by_band.get(key, ()):
                other_bits, other_video, other_thumbnail = self._thumbnails[row]
                if other_video == video or (bits ^ other_bits).bit_count() > MAX_DIFFERING_BITS:
                    continue
                if float(np.dot(thumbnail.astype(np.float32), other_thumbnail.astype(np.float32))) >= MIN_CORRELATION:
                    yield row


def _thumbnail(face: NDArray[np.uint8]) -> NDArray[np.float16]:
    """Compute the 24x24 grey levels with mean 0 and length 1, (576,), so that dot products are correlations."""
    grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
    size = (_THUMBNAIL_PIXELS, _THUMBNAIL_PIXELS)
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
    small -= small.mean()
    return (small / max(float(np.linalg.norm(small)), 1e-6)).astype(np.float16)


def _band_keys(bits: int, person: int) -> Iterator[tuple[int, int, int]]:
    width = -(-8 * _BYTES // _BANDS)
    for band in range(_BANDS):
        yield person, band, (bits >> (band * width)) & ((1 << width) - 1)
