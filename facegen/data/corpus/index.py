"""The columns of a packed corpus: who, when, where, one safetensors file."""

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
    """Strings one behind the other, as UTF-8.

    Attributes:
        text: (bytes,) uint8.
        offsets: (N + 1,) where each begins; the last is the end.
    """

    text: Tensor
    offsets: Tensor

    def at(self, rows: Tensor) -> Sequence[str]:
        """The strings of rows."""
        ends = zip(self.offsets[rows].tolist(), self.offsets[rows + 1].tolist(), strict=True)
        return [self.text[start:end].numpy().tobytes().decode("utf-8", "replace") for start, end in ends]


@dataclass(frozen=True)
class CorpusIndex:
    """All that a corpus holds beside faces and speech; int64, mapped into memory.

    Attributes:
        identity: (N,) number of the person in the header's list.
        utterance: (N,) `splits.utterance_number` of the video or clip.
        frame_offsets: (N + 1,) first face of each clip.
        frame_time_samples: (F,) position of each face in its clip's track; -1 unknown.
        frame_boxes: (F, 3) left, top and side of the box in which each face was found, in pixels of its source; a side
            of 0 where it is unknown. None where it is for all.
        track: (N,) number of its track; -1 without speech.
        track_offsets: (T + 1,) first sample of each track.
        attributes: {column: (N,)} labels; -1 unknown.
        strings: {column: strings a clip}.
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
    """Map the columns into memory, and check that they fit the header and each other.

    Raises:
        DataError: a column is missing, has another shape, or points outside.
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
            found = f"{tensors[name].dtype} {tuple(tensors[name].shape)}"
            problems.append(f"column '{name}' is {found}, but corpus.json asks for {dtype} {shape}")
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
        "'identity' names somebody who is not there": _within(index.identity, 0, len(header.identities)),
        "'utterance' holds a negative number": bool((index.utterance >= 0).all()),
        "'frame_offsets' must rise from 0 to num_frames": _rises(index.frame_offsets, header.num_frames, strictly=True),
        "'track_offsets' must rise from 0 to num_samples": _rises(
            index.track_offsets, header.num_samples, strictly=True
        ),
        "'track' names a track that is not there": _within(index.track, lowest_track, header.num_tracks),
        "'frame_time_samples' is below -1": bool((index.frame_time_samples >= -1).all()),
        "'frame_boxes' has a box of negative side": index.frame_boxes is None
        or bool((index.frame_boxes[:, 2] >= 0).all()),
        "'track_offsets' has a track in two shards": bool(torch.isin(_shard_ends(header), index.track_offsets).all()),
    }
    for name, classes in header.attributes.items():
        checks[f"'{name}' holds an unknown class"] = _within(index.attributes[name], -1, classes)
    for name, column in index.strings.items():
        checks[f"'{name}.offsets' must rise from 0 to the end"] = _rises(column.offsets, len(column.text))
    return checks


def _within(values: Tensor, low: int, high: int) -> bool:
    return bool(((values >= low) & (values < high)).all())


def _rises(offsets: Tensor, end: int, strictly: bool = False) -> bool:
    # Neighbours are compared, not subtracted: a difference of hostile numbers overflows.
    left, right = offsets[:-1], offsets[1:]
    rising = (right > left) if strictly else (right >= left)
    return int(offsets[0]) == 0 and int(offsets[-1]) == end and bool(rising.all())


def _shard_ends(header: CorpusHeader) -> Tensor:
    return torch.tensor([shard.num_rows for shard in header.speech], dtype=torch.int64).cumsum(0)
