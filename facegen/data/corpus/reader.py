"""Reader of a packed corpus: random access to faces and speech through memory maps."""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from facegen.core.errors import DataError
from facegen.core.progress import Observer
from facegen.data.corpus.header import CorpusHeader, Shard, read_header
from facegen.data.corpus.index import CorpusIndex, read_index
from facegen.data.corpus.shards import check_file, map_shard, sha256_of


@dataclass(frozen=True)
class Corpus:
    """A packed corpus, mapped into memory; pages are read when they are used.

    Attributes:
        folder: its folder.
        header: content of corpus.json.
        index: columns of the index.
    """

    folder: Path
    header: CorpusHeader
    index: CorpusIndex
    _faces: tuple[Tensor, ...]
    _speech: tuple[Tensor, ...]

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a corpus, and check that its files exist, are complete, and match each other.

        Hashes are not compared; see `verify`.

        Raises:
            DataError: a file is missing, truncated or inconsistent.
        """
        header = read_header(folder)
        try:
            return cls._open(folder, header)
        except DataError:
            if read_header(folder) == header:
                raise
            return cls.open(folder)  # the corpus was replaced in between

    @classmethod
    def _open(cls, folder: Path, header: CorpusHeader) -> Self:
        problems = [check_file(folder / shard.file, shard) for shard in header.shards]
        if any(problems):
            raise DataError(*(problem for problem in problems if problem is not None))
        pixels = header.image_pixels
        return cls(
            folder,
            header,
            read_index(folder / header.index.file, header),
            _map(folder, header.faces, "faces", "uint8", (pixels, pixels, 3)),
            _map(folder, header.speech, "speech", "int16", ()),
        )

    def verify(self, observer: Observer | None = None) -> None:
        """Compare every file with its hash.

        Raises:
            DataError: a file has changed since it was packed.
        """
        observer = observer or Observer()
        shards = self.header.shards
        observer.start("verify", len(shards))
        changed = []
        for num_done, shard in enumerate(shards, start=1):
            if sha256_of(self.folder / shard.file) != shard.sha256:
                changed.append(
                    f"{self.folder / shard.file}: has changed since packing (its SHA-256 differs); copy it again"
                )
            observer.advance(num_done)
        observer.finish()
        if changed:
            raise DataError(*changed)

    def faces(self, clip: Tensor, frame: Tensor) -> Tensor:
        """Gather faces: (B,) clips, (B,) frame numbers in them -> (B, H, W, 3) uint8."""
        rows = self.index.frame_offsets[clip] + frame
        if bool(((frame < 0) | (rows >= self.index.frame_offsets[clip + 1])).any()):
            raise IndexError("a frame number is not below the number of frames of its clip")
        pixels = self.header.image_pixels
        if len(self._faces) == 1:
            return self._faces[0][rows]
        starts = torch.tensor([0, *(len(shard) for shard in self._faces)]).cumsum(0)
        shard_of_row = torch.searchsorted(starts, rows, right=True) - 1
        faces = torch.empty(len(rows), pixels, pixels, 3, dtype=torch.uint8)
        for number in shard_of_row.unique().tolist():
            positions = (shard_of_row == number).nonzero()[:, 0]
            faces[positions] = self._faces[number][rows[positions] - starts[number]]
        return faces

    def speech(self, clip: Tensor, start_samples: Tensor, num_samples: int) -> Tensor:
        """Crop speech: (B,) clips, (B,) starts in their tracks -> (B, num_samples) int16; short tracks are repeated."""
        track = self.index.track[clip]
        firsts, ends = self.index.track_offsets[track].tolist(), self.index.track_offsets[track + 1].tolist()
        shard_ends = list(accumulate(len(shard) for shard in self._speech))
        speech = torch.empty(len(track), num_samples, dtype=torch.int16)
        for row, (first, end, start) in enumerate(zip(firsts, ends, start_samples.tolist(), strict=True)):
            number = bisect_right(shard_ends, first)
            shard_first = shard_ends[number - 1] if number else 0
            samples = self._speech[number][first - shard_first : end - shard_first]
            _copy_repeated(samples, start % len(samples), speech[row])
        return speech


def _copy_repeated(track: Tensor, start: int, out: Tensor) -> None:
    filled = 0
    while filled < len(out):
        piece = track[start : start + len(out) - filled]
        out[filled : filled + len(piece)] = piece
        filled += len(piece)
        start = 0


def _map(
    folder: Path, shards: tuple[Shard, ...], tensor: str, dtype: str, row_shape: tuple[int, ...]
) -> tuple[Tensor, ...]:
    return tuple(map_shard(folder / shard.file, tensor, dtype, (shard.num_rows, *row_shape)) for shard in shards)
