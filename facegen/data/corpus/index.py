"""The index of a packed corpus: one safetensors file with a row per clip, face and track."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from facegen.core.errors import DataError
from facegen.data.corpus.header import STRING_COLUMNS, CorpusHeader
from facegen.data.corpus.shards import map_tensors


@dataclass(frozen=True)
class StringColumn:
    """A column of strings, stored as concatenated UTF-8.

    Attributes:
        text: (bytes,) uint8.
        offsets: (N + 1,) first byte of each string; the last entry is the end.
    """

    text: Tensor
    offsets: Tensor

    def at(self, rows: Tensor) -> Sequence[str]:
        """Decode the strings of the given rows."""
        ends = zip(self.offsets[rows].tolist(), self.offsets[rows + 1].tolist(), strict=True)
        return [self.text[start:end].numpy().tobytes().decode("utf-8", "replace") for start, end in ends]


@dataclass(frozen=True)
class CorpusIndex:
    """Everything that a corpus holds except faces and speech: int64 tensors, mapped into memory.

    Attributes:
        identity: (N,) number of the person in `identities` of the header.
        utterance: (N,) `splits.utterance_number` of the video or clip.
        frame_offsets: (N + 1,) first face of each clip.
        frame_time_samples: (F,) position of each face in the track of its clip; -1 if unknown.
        frame_boxes: (F, 3) left, top and side of the detected box of each face, in pixels of its source; the side is 0
            if the box is unknown. None if all boxes are unknown.
        track: (N,) number of the track of each clip; -1 if it has no speech.
        track_offsets: (T + 1,) first sample of each track.
        attributes: {column: (N,)} labels; -1 if unknown.
        strings: {column: one string per clip}.
        text: (N, text_dim) float32, or None.
    """

    identity: Tensor
    utterance: Tensor
    frame_offsets: Tensor
    frame_time_samples: Tensor
    track: Tensor
    track_offsets: Tensor
    attributes: Mapping[str, Tensor]
    strings: Mapping[str, StringColumn]
    text: Tensor | None
    frame_boxes: Tensor | None = None


def read_index(path: Path, header: CorpusHeader) -> CorpusIndex:
    """Map the index into memory, and check that its columns match the header and each other.

    Raises:
        DataError: a column is missing, has the wrong shape, or refers to a row that does not exist.
    """
    tensors = map_tensors(path)
    clips, frames, tracks = header.num_clips, header.num_frames, header.num_tracks
    expected: dict[str, tuple[torch.dtype, tuple[int, ...]]] = {
        "identity": (torch.int64, (clips,)),
        "utterance": (torch.int64, (clips,)),
        "frame_offsets": (torch.int64, (clips + 1,)),
        "frame_time_samples": (torch.int64, (frames,)),
        "track": (torch.int64, (clips,)),
        "track_offsets": (torch.int64, (tracks + 1,)),
        **{f"attribute.{name}": (torch.int64, (clips,)) for name in header.attributes},
    }
    if header.text_dim:
        expected["text"] = (torch.float32, (clips, header.text_dim))
    if "frame_boxes" in tensors:
        expected["frame_boxes"] = (torch.int64, (frames, 3))
    for name in STRING_COLUMNS:
        if f"{name}.text" in tensors or (name == "caption" and "caption" in header.columns):
            expected[f"{name}.text"] = (torch.uint8, tuple(tensors.get(f"{name}.text", torch.empty(0)).shape[:1]))
            expected[f"{name}.offsets"] = (torch.int64, (clips + 1,))
    problems = _wrong_shapes(tensors, expected)
    if not problems:
        index = _assemble(tensors, header)
        problems = [message for message, holds in _checks(index, header).items() if not holds]
    if problems:
        raise DataError(*(f"{path}: {problem}; pack the corpus again" for problem in problems))
    return index


def _wrong_shapes(
    tensors: Mapping[str, Tensor], expected: Mapping[str, tuple[torch.dtype, tuple[int, ...]]]
) -> list[str]:
    problems = []
    for name, (dtype, shape) in expected.items():
        if name not in tensors:
            problems.append(f"column '{name}' is missing")
        elif (tensors[name].dtype, tuple(tensors[name].shape)) != (dtype, shape):
            stored = f"{tensors[name].dtype} {tuple(tensors[name].shape)}"
            problems.append(f"column '{name}' is {stored}, but must be {dtype} {shape} according to corpus.json")
    return problems


def _assemble(tensors: Mapping[str, Tensor], header: CorpusHeader) -> CorpusIndex:
    strings = {
        name: StringColumn(tensors[f"{name}.text"], tensors[f"{name}.offsets"])
        for name in STRING_COLUMNS
        if f"{name}.text" in tensors
    }
    return CorpusIndex(
        identity=tensors["identity"],
        utterance=tensors["utterance"],
        frame_offsets=tensors["frame_offsets"],
        frame_time_samples=tensors["frame_time_samples"],
        track=tensors["track"],
        track_offsets=tensors["track_offsets"],
        attributes={name: tensors[f"attribute.{name}"] for name in header.attributes},
        strings=strings,
        text=tensors.get("text") if header.text_dim else None,
        frame_boxes=tensors.get("frame_boxes"),
    )


def _checks(index: CorpusIndex, header: CorpusHeader) -> dict[str, bool]:
    lowest_track = 0 if header.num_tracks else -1
    checks = {
        "'identity' refers to a person who is not in the header": _within(index.identity, 0, len(header.identities)),
        "'utterance' holds a negative number": bool((index.utterance >= 0).all()),
        "'frame_offsets' must increase from 0 to num_frames": _increases(
            index.frame_offsets, header.num_frames, strictly=True
        ),
        "'track_offsets' must increase from 0 to num_samples": _increases(
            index.track_offsets, header.num_samples, strictly=True
        ),
        "'track' refers to a track that does not exist": _within(index.track, lowest_track, header.num_tracks),
        "'frame_time_samples' is below -1": bool((index.frame_time_samples >= -1).all()),
        "'frame_boxes' holds a negative side": index.frame_boxes is None or bool((index.frame_boxes[:, 2] >= 0).all()),
        "'track_offsets' splits a track between two shards": _are_ends(_shard_ends(header), index.track_offsets),
    }
    for name, classes in header.attributes.items():
        checks[f"'{name}' holds an unknown class"] = _within(index.attributes[name], -1, classes)
    for name, column in index.strings.items():
        checks[f"'{name}.offsets' must increase from 0 to the end"] = _increases(column.offsets, len(column.text))
    return checks


def _within(values: Tensor, low: int, high: int) -> bool:
    return bool(((values >= low) & (values < high)).all())


def _increases(offsets: Tensor, end: int, strictly: bool = False) -> bool:
    # Neighbours are compared, not subtracted: a difference of extreme numbers would overflow.
    left, right = offsets[:-1], offsets[1:]
    increasing = (right > left) if strictly else (right >= left)
    return int(offsets[0]) == 0 and int(offsets[-1]) == end and bool(increasing.all())


def _are_ends(ends: Tensor, offsets: Tensor) -> bool:
    place = torch.searchsorted(offsets, ends).clamp(max=len(offsets) - 1)
    return torch.equal(offsets[place], ends)


def _shard_ends(header: CorpusHeader) -> Tensor:
    return torch.tensor([shard.num_rows for shard in header.speech], dtype=torch.int64).cumsum(0)
