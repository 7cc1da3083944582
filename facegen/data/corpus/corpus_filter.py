"""What stays of a corpus when some of its clips or faces go, and the shards that it takes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.numpy import save
from torch import Tensor

from facegen.core.files import write_file
from facegen.core.progress import Observer
from facegen.data.corpus.header import STRING_COLUMNS, CorpusHeader, FreeNames, Shard, stored_shards
from facegen.data.corpus.reader import Corpus
from facegen.data.corpus.shards import ShardWriter, describe_shard, map_tensors

CHUNK_ROWS = 1024

Ranges = list[tuple[int, int]]


@dataclass(frozen=True)
class CorpusSelection:
    """What stays of a corpus.

    Attributes:
        clips: (clips,) bool
        frames: (faces,) bool
        tracks: (tracks,) bool
    """

    clips: Tensor
    frames: Tensor
    tracks: Tensor


def keep_faces(corpus: Corpus, faces: Tensor) -> CorpusSelection:
    """Some faces, (faces,) bool, and the clips that keep one."""
    offsets = corpus.index.frame_offsets
    return replace(keep_clips(corpus, _as_offsets(faces.long())[offsets].diff() > 0), frames=faces)


def keep_clips(corpus: Corpus, clips: Tensor) -> CorpusSelection:
    """Some clips, (clips,) bool, with all their faces and the tracks that they stand in."""
    index = corpus.index
    tracks = torch.zeros(corpus.header.num_tracks, dtype=torch.bool)
    used = index.track[clips]
    tracks[used[used >= 0]] = True
    return CorpusSelection(clips, clips.repeat_interleave(index.frame_offsets.diff()), tracks)


def write_kept(corpus: Corpus, kept: CorpusSelection, stage: str, staging: Path, observer: Observer) -> CorpusHeader:
    """Write everything that changes aside, under names that the corpus does not use.

    Args:
        corpus: what there is.
        kept: what stays of it.
        stage: what the observer is told.
        staging: where the new shards go; those that stay as they are remain where they are.
        observer: told how far it is.
    Returns:
        The new corpus.json.
    """
    folder, header = corpus.folder, corpus.header
    num_clips = int(kept.clips.sum())
    people = corpus.index.identity[kept.clips].unique()
    names = FreeNames({path.name for path in stored_shards(folder)})
    observer.start(stage, len(header.shards))
    each_face = torch.arange(len(kept.frames) + 1)
    faces = [*_kept_shards(corpus, header.faces, _runs(kept.frames, each_face), staging, names)]
    observer.advance(len(header.faces))
    speech = [*_kept_shards(corpus, header.speech, _runs(kept.tracks, corpus.index.track_offsets), staging, names)]
    observer.advance(len(header.shards) - 1)
    columns = _kept_columns(map_tensors(folder / header.index.file), kept, people)
    path = staging / names.next("index")
    write_file(path, save({name: column.numpy() for name, column in columns.items()}))
    observer.finish()
    changes = {
        "identities": tuple(header.identities[number] for number in people.tolist()),
        "attributes": {name: size for name, size in header.attributes.items() if f"attribute.{name}" in columns},
        "num_clips": num_clips,
        "num_frames": int(kept.frames.sum()),
        "num_tracks": int(kept.tracks.sum()),
        "num_samples": sum(shard.num_rows for shard in speech),
        "faces": tuple(faces),
        "speech": tuple(speech),
        "index": describe_shard(path, num_clips),
    }
    return CorpusHeader(**{**dict(header), **changes})


def _runs(keep: Tensor, offsets: Tensor) -> Ranges:
    """The rows of neighbours that stay, as (start, end); a mask of all samples of a corpus would be as large as it."""
    ends = torch.zeros(1, dtype=torch.bool)
    changes = torch.cat([ends, keep, ends]).long().diff()
    starts, stops = (changes == 1).nonzero()[:, 0], (changes == -1).nonzero()[:, 0]
    return list(zip(offsets[starts].tolist(), offsets[stops].tolist(), strict=True))


def _kept_shards(
    corpus: Corpus, shards: tuple[Shard, ...], runs: Ranges, staging: Path, names: FreeNames
) -> Iterator[Shard]:
    """The entries of the shards of one kind: those that stay, and those that are written anew."""
    first = 0
    for shard in shards:
        end = first + shard.num_rows
        here = [(max(a, first) - first, min(b, end) - first) for a, b in runs if a < end and b > first]
        if here == [(0, shard.num_rows)]:
            yield shard
        elif here:
            kind = shard.file.split("-")[0]
            rows = map_tensors(corpus.folder / shard.file)[kind]
            yield _copy_rows(rows, here, staging / names.next(kind), kind)
        first = end


def _copy_rows(rows: Tensor, ranges: Ranges, path: Path, kind: str) -> Shard:
    writer = ShardWriter(path, kind, str(rows.dtype).removeprefix("torch."), tuple(rows.shape[1:]))
    try:
        for first, end in ranges:
            for some in rows[first:end].split(CHUNK_ROWS if rows.dim() > 1 else CHUNK_ROWS**2):
                writer.append(some.numpy())
        return writer.close()
    finally:
        writer.abandon()


def _kept_columns(columns: dict[str, Tensor], kept: CorpusSelection, people: Tensor) -> dict[str, Tensor]:
    """The columns of the index without what goes; a column that nothing else filled goes, as if packed anew."""
    left: dict[str, Tensor] = {}
    strings = [f"{name}.{part}" for name in STRING_COLUMNS for part in ("text", "offsets")]
    for name, column in columns.items():
        if name in strings:
            continue
        if name == "track_offsets":
            left[name] = _as_offsets(column.diff()[kept.tracks])
        elif name == "frame_offsets":
            left[name] = _as_offsets(_as_offsets(kept.frames.long())[column].diff()[kept.clips])
        elif name.startswith("frame_"):
            left[name] = column[kept.frames]
        elif name.startswith("track_"):
            left[name] = column[kept.tracks]
        else:
            left[name] = column[kept.clips]
    left["identity"] = torch.searchsorted(people, left["identity"])
    # Tracks are numbered anew; -1, for none, would otherwise read the last number.
    if len(kept.tracks):
        left["track"] = torch.where(left["track"] < 0, -1, (kept.tracks.long().cumsum(0) - 1)[left["track"]])
    for name in [name for name in left if name.startswith("attribute.")]:
        if bool((left[name] < 0).all()):
            del left[name]
    if "frame_boxes" in left and not bool(left["frame_boxes"].any()):
        del left["frame_boxes"]
    for name in STRING_COLUMNS:
        if f"{name}.text" in columns:
            lengths = columns[f"{name}.offsets"].diff()
            text = columns[f"{name}.text"][kept.clips.repeat_interleave(lengths)]
            if len(text):
                left[f"{name}.text"], left[f"{name}.offsets"] = text, _as_offsets(lengths[kept.clips])
    return left


def _as_offsets(lengths: Tensor) -> Tensor:
    return torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)])
