"""Removes a person, or some faces, from a packed corpus, and leaves everything else as it was."""

import csv
import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import torch
from safetensors.numpy import save
from torch import Tensor

from facegen.core.errors import DataError
from facegen.core.locks import LOCK, held
from facegen.core.observer import Observer
from facegen.data import manifest as corpus_json
from facegen.data.corpus import Corpus
from facegen.data.corpus_index import STRING_COLUMNS
from facegen.data.corpus_writer import STAGING as PACKING
from facegen.data.durable import sync_folder, write_synced
from facegen.data.manifest import Manifest, Shard, read_manifest, stored_shards
from facegen.data.shard import ShardWriter, describe_shard, map_tensors

STAGING = ".removing"
DERIVED = "derived"
"""What was learnt from a corpus, or computed of it, and is made again when it is needed."""
PERSON_COLUMNS = {"rejects.csv": ("identity",), "duplicates.csv": ("identity", "earlier_identity")}
"""Tables beside a corpus, and their columns that name people."""
CHUNK_ROWS = 1024

Ranges = list[tuple[int, int]]


@dataclass(frozen=True)
class Kept:
    """What stays of a corpus: (clips,), (faces,) and (tracks,) bool."""

    clips: Tensor
    frames: Tensor
    tracks: Tensor


@dataclass(frozen=True)
class _Names:
    """File names that are taken, so that a new file never takes the place of one that is still read."""

    taken: set[str]

    def free(self, kind: str) -> str:
        names = (f"{kind}-{number:05d}.safetensors" for number in count())
        name = next(name for name in names if name not in self.taken)
        self.taken.add(name)
        return name


def remove_person(corpus_dir: Path, identity: str, observer: Observer | None = None) -> int:
    """Remove all that a corpus holds of a person: clips, faces, speech, name, and rows of the tables beside it.

    Only the shards that hold something of them are written anew, under other names; the new corpus.json then takes
    the place of the old one at once, and what it no longer names is deleted. Whenever this is interrupted, the corpus
    is the old one or the new one; called again, it finishes. What was derived from the corpus is deleted, for it
    learnt from that person, too. Nobody else changes their split.

    A track that somebody else's clip holds as well stays, for it is theirs, too; `proof.find_traces` names it.

    Args:
        corpus_dir: the corpus.
        identity: the person's name in it.
        observer: told how far it is.
    Returns:
        How many clips were removed; 0 where there were none, so that it can be asked for again.
    Raises:
        DataError: there is no corpus, it cannot be written, somebody else is at work on it, or nobody would be left.
    """
    manifest = read_manifest(corpus_dir)
    if manifest.identities == (identity,):
        raise _nobody_left(corpus_dir, identity)
    with _rewriting(corpus_dir, f"remove '{identity}' again") as staging:
        before = after = read_manifest(corpus_dir)
        if identity in before.identities:
            corpus = Corpus.open(corpus_dir)
            kept = _kept(corpus, corpus.index.identity != before.identities.index(identity))
            if not bool(kept.clips.any()):
                raise _nobody_left(corpus_dir, identity)
            after = _rewrite(corpus, kept, f"remove {identity}", staging, observer or Observer())
            _commit(corpus_dir, staging, after)
        _rewrite_tables(corpus_dir, identity, staging)
        _sweep(corpus_dir, after)
    return before.num_clips - after.num_clips


def remove_faces(corpus_dir: Path, dropped: Tensor, observer: Observer | None = None) -> Manifest:
    """Remove some faces; a clip without faces goes, too, and so does a track without clips, and a person without any.

    Written as `remove_person` writes; speech that other faces of a track stand in stays.

    Args:
        corpus_dir: the corpus.
        dropped: (faces,) bool, in the order of the index.
        observer: told how far it is.
    Returns:
        The corpus.json of what is left.
    Raises:
        DataError: there is no corpus, it cannot be written, somebody else is at work on it, or nothing would be left.
    """
    with _rewriting(corpus_dir, "call the same command again") as staging:
        corpus = Corpus.open(corpus_dir)
        left = corpus.manifest
        if bool(dropped.all()):
            raise DataError(f"{corpus_dir}: no face would be left; delete the folder instead")
        if bool(dropped.any()):
            left = _rewrite(corpus, _kept_faces(corpus, ~dropped), "drop faces", staging, observer or Observer())
            _commit(corpus_dir, staging, left)
        _sweep(corpus_dir, left)
    return left


def _nobody_left(folder: Path, identity: str) -> DataError:
    return DataError(f"{folder}: '{identity}' is the only person in it; delete the folder instead")


@contextmanager
def _rewriting(folder: Path, advice: str) -> Iterator[Path]:
    """A folder for what is written anew, while nobody else is at work here."""
    try:
        with _alone(folder):
            _sweep(folder, read_manifest(folder))
            (folder / STAGING).mkdir()
            yield folder / STAGING
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be rewritten ({error.strerror}); the corpus is whole; free some space, or make it "
            f"writable, and {advice}"
        ) from None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    if (folder / PACKING).exists():
        raise DataError(
            f"{folder / PACKING}: an import is at work here, or was killed; wait for it, or delete that folder"
        )
    try:
        with held(folder / LOCK):
            yield
    except BlockingIOError:
        raise DataError(f"{folder}: somebody else is being removed from it; wait for that, and try again") from None


def _sweep(folder: Path, manifest: Manifest) -> None:
    """Delete what corpus.json does not name: files that were replaced, and what an interrupted removal left."""
    named = {shard.file for shard in manifest.shards}
    for path in stored_shards(folder):
        if path.name not in named:
            path.unlink()
    if (folder / STAGING).exists():
        shutil.rmtree(folder / STAGING)
    sync_folder(folder)


def _rewrite(corpus: Corpus, kept: Kept, stage: str, staging: Path, observer: Observer) -> Manifest:
    """Write everything that changes aside, and return the new corpus.json."""
    folder, manifest = corpus.folder, corpus.manifest
    num_clips = int(kept.clips.sum())
    people = corpus.index.identity[kept.clips].unique()
    names = _Names({path.name for path in stored_shards(folder)})
    observer.start(stage, len(manifest.shards))
    each_face = torch.arange(len(kept.frames) + 1)
    faces = [*_kept_shards(corpus, manifest.faces, _runs(kept.frames, each_face), staging, names)]
    observer.advance(len(manifest.faces))
    speech = [*_kept_shards(corpus, manifest.speech, _runs(kept.tracks, corpus.index.track_offsets), staging, names)]
    observer.advance(len(manifest.shards) - 1)
    columns = _kept_columns(map_tensors(folder / manifest.index.file), kept, people)
    path = staging / names.free("index")
    write_synced(path, save({name: column.numpy() for name, column in columns.items()}))
    observer.finish()
    changes = {
        "identities": tuple(manifest.identities[number] for number in people.tolist()),
        "attributes": {name: size for name, size in manifest.attributes.items() if f"attribute.{name}" in columns},
        "num_clips": num_clips,
        "num_frames": int(kept.frames.sum()),
        "num_tracks": int(kept.tracks.sum()),
        "num_samples": sum(shard.num_rows for shard in speech),
        "faces": tuple(faces),
        "speech": tuple(speech),
        "index": describe_shard(path, num_clips),
    }
    return Manifest(**{**dict(manifest), **changes})


def _commit(folder: Path, staging: Path, manifest: Manifest) -> None:
    """The new shards take names that nobody reads yet; corpus.json, the last to move, makes them the corpus."""
    if (folder / DERIVED).exists():
        os.replace(folder / DERIVED, staging / DERIVED)
    for new in sorted(staging.glob("*.safetensors")):
        os.replace(new, folder / new.name)
    sync_folder(folder)
    write_synced(staging / corpus_json.FILE_NAME, manifest.to_json())
    os.replace(staging / corpus_json.FILE_NAME, folder / corpus_json.FILE_NAME)
    sync_folder(folder)


def _kept_faces(corpus: Corpus, faces: Tensor) -> Kept:
    """The clips that keep a face, with those faces."""
    offsets = corpus.index.frame_offsets
    return replace(_kept(corpus, _as_offsets(faces.long())[offsets].diff() > 0), frames=faces)


def _kept(corpus: Corpus, clips: Tensor) -> Kept:
    """Some clips, with all their faces and the tracks that they stand in."""
    index = corpus.index
    tracks = torch.zeros(corpus.manifest.num_tracks, dtype=torch.bool)
    used = index.track[clips]
    tracks[used[used >= 0]] = True
    return Kept(clips, clips.repeat_interleave(index.frame_offsets.diff()), tracks)


def _runs(keep: Tensor, offsets: Tensor) -> Ranges:
    """The rows of neighbours that stay, as (start, end); a mask of all samples of a corpus would be as large as it."""
    ends = torch.zeros(1, dtype=torch.bool)
    changes = torch.cat([ends, keep, ends]).long().diff()
    starts, stops = (changes == 1).nonzero()[:, 0], (changes == -1).nonzero()[:, 0]
    return list(zip(offsets[starts].tolist(), offsets[stops].tolist(), strict=True))


def _kept_shards(
    corpus: Corpus, shards: tuple[Shard, ...], runs: Ranges, staging: Path, names: "_Names"
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
            yield _copy_rows(rows, here, staging / names.free(kind), kind)
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


def _kept_columns(columns: dict[str, Tensor], kept: Kept, people: Tensor) -> dict[str, Tensor]:
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


def _rewrite_tables(folder: Path, identity: str, staging: Path) -> None:
    for name, columns in PERSON_COLUMNS.items():
        path = folder / name
        if not path.is_file():
            continue
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            rows: list[dict[str, Any]] = list(table)
            header = list(table.fieldnames or ())
        left = [row for row in rows if all(row.get(column) != identity for column in columns)]
        if len(left) == len(rows):
            continue
        text = io.StringIO()
        writer = csv.DictWriter(text, header, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(left)
        write_synced(staging / name, text.getvalue().encode())
        os.replace(staging / name, path)
    sync_folder(folder)
