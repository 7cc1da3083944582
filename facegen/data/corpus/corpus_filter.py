"""Removal of clips or faces from a corpus: selection of the rest, and rewriting of the shards that change."""

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
    """Masks of the clips, faces and tracks of a corpus that are kept.

    Attributes:
        clips: (clips,) bool
        frames: (faces,) bool
        tracks: (tracks,) bool
    """

    clips: Tensor
    frames: Tensor
    tracks: Tensor


def select_faces(corpus: Corpus, faces: Tensor) -> CorpusSelection:
    """Select faces, given as (faces,) bool, and the clips that keep at least one of them."""
    offsets = corpus.index.frame_offsets
    return replace(select_clips(corpus, _as_offsets(faces.long())[offsets].diff() > 0), frames=faces)


def select_clips(corpus: Corpus, clips: Tensor) -> CorpusSelection:
    """Select clips, given as (clips,) bool, with all their faces and tracks."""
    index = corpus.index
    tracks = torch.zeros(corpus.header.num_tracks, dtype=torch.bool)
    used = index.track[clips]
    tracks[used[used >= 0]] = True
    return CorpusSelection(clips, clips.repeat_interleave(index.frame_offsets.diff()), tracks)


def write_selection(
    corpus: Corpus, selection: CorpusSelection, stage: str, staging: Path, observer: Observer
) -> CorpusHeader:
    """Write the shards that change to a staging folder, under names that the corpus does not use.

    Args:
        corpus: the corpus.
        selection: the clips, faces and tracks to keep.
        stage: name of this step for the observer.
        staging: folder of the new shards; unchanged shards are not copied.
        observer: receives the progress.
    Returns:
        The header of the remaining corpus.
    """
    folder, header = corpus.folder, corpus.header
    num_clips = int(selection.clips.sum())
    people = corpus.index.identity[selection.clips].unique()
    names = FreeNames({path.name for path in stored_shards(folder)})
    observer.start(stage, len(header.shards))
    face_offsets = torch.arange(len(selection.frames) + 1)
    face_runs = _runs(selection.frames, face_offsets)
    faces = [*_selected_shards(corpus, header.faces, face_runs, staging, names)]
    observer.advance(len(header.faces))
    speech_runs = _runs(selection.tracks, corpus.index.track_offsets)
    speech = [*_selected_shards(corpus, header.speech, speech_runs, staging, names)]
    observer.advance(len(header.shards) - 1)
    columns = _selected_columns(map_tensors(folder / header.index.file), selection, people)
    path = staging / names.next("index")
    write_file(path, save({name: column.numpy() for name, column in columns.items()}))
    observer.finish()
    changes = {
        "identities": tuple(header.identities[number] for number in people.tolist()),
        "attributes": {name: size for name, size in header.attributes.items() if f"attribute.{name}" in columns},
        "num_clips": num_clips,
        "num_frames": int(selection.frames.sum()),
        "num_tracks": int(selection.tracks.sum()),
        "num_samples": sum(shard.num_rows for shard in speech),
        "faces": tuple(faces),
        "speech": tuple(speech),
        "index": describe_shard(path, num_clips),
    }
    return CorpusHeader(**{**dict(header), **changes})


def _runs(keep: Tensor, offsets: Tensor) -> Ranges:
    """List contiguous row ranges to keep, as (start, end): a mask of all samples would be as large as the corpus."""
    ends = torch.zeros(1, dtype=torch.bool)
    changes = torch.cat([ends, keep, ends]).long().diff()
    starts, stops = (changes == 1).nonzero()[:, 0], (changes == -1).nonzero()[:, 0]
    return list(zip(offsets[starts].tolist(), offsets[stops].tolist(), strict=True))


def _selected_shards(
    corpus: Corpus, shards: tuple[Shard, ...], runs: Ranges, staging: Path, names: FreeNames
) -> Iterator[Shard]:
    """Yield the entries of the shards of one kind; shards that lose rows are rewritten."""
    first = 0
    for shard in shards:
        end = first + shard.num_rows
        ranges = [
            (max(start, first) - first, min(stop, end) - first) for start, stop in runs if start < end and stop > first
        ]
        if ranges == [(0, shard.num_rows)]:
            yield shard
        elif ranges:
            kind = shard.file.split("-")[0]
            rows = map_tensors(corpus.folder / shard.file)[kind]
            yield _copy_rows(rows, ranges, staging / names.next(kind), kind)
        first = end


def _copy_rows(rows: Tensor, ranges: Ranges, path: Path, kind: str) -> Shard:
    writer = ShardWriter(path, kind, str(rows.dtype).removeprefix("torch."), tuple(rows.shape[1:]))
    try:
        for first, end in ranges:
            for chunk in rows[first:end].split(CHUNK_ROWS if rows.dim() > 1 else CHUNK_ROWS**2):
                writer.append(chunk.numpy())
        return writer.close()
    finally:
        writer.abandon()


def _selected_columns(columns: dict[str, Tensor], selection: CorpusSelection, people: Tensor) -> dict[str, Tensor]:
    """Select from the columns of the index; a column without any remaining value is dropped, as in a new corpus."""
    selected: dict[str, Tensor] = {}
    strings = [f"{name}.{part}" for name in STRING_COLUMNS for part in ("text", "offsets")]
    for name, column in columns.items():
        if name in strings:
            continue
        if name == "track_offsets":
            selected[name] = _as_offsets(column.diff()[selection.tracks])
        elif name == "frame_offsets":
            selected[name] = _as_offsets(_as_offsets(selection.frames.long())[column].diff()[selection.clips])
        elif name.startswith("frame_"):
            selected[name] = column[selection.frames]
        elif name.startswith("track_"):
            selected[name] = column[selection.tracks]
        else:
            selected[name] = column[selection.clips]
    selected["identity"] = torch.searchsorted(people, selected["identity"])
    # Tracks get new numbers; -1 (no track) as an index would read the last number.
    if len(selection.tracks):
        selected["track"] = torch.where(
            selected["track"] < 0, -1, (selection.tracks.long().cumsum(0) - 1)[selected["track"]]
        )
    for name in [name for name in selected if name.startswith("attribute.")]:
        if bool((selected[name] < 0).all()):
            del selected[name]
    if "frame_boxes" in selected and not bool(selected["frame_boxes"].any()):
        del selected["frame_boxes"]
    for name in STRING_COLUMNS:
        if f"{name}.text" in columns:
            lengths = columns[f"{name}.offsets"].diff()
            text = columns[f"{name}.text"][selection.clips.repeat_interleave(lengths)]
            if len(text):
                selected[f"{name}.text"], selected[f"{name}.offsets"] = text, _as_offsets(lengths[selection.clips])
    return selected


def _as_offsets(lengths: Tensor) -> Tensor:
    return torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)])
