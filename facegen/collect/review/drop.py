"""Drops the faces that somebody marked on a review list, and shows that everything else is as it was."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from facegen.collect.folder import CollectionFolder
from facegen.collect.manifest import dropped_frames as manifest_review
from facegen.collect.manifest.manifest import CollectionManifest
from facegen.collect.review.review_list import find_marked, read_marked
from facegen.collect.video.failures import DiskError
from facegen.core.errors import DataError
from facegen.core.files import new_folder
from facegen.core.progress import Observer
from facegen.core.text.names import normalise_name
from facegen.data.corpus.file_swap import recover
from facegen.data.corpus.header import HEADER_FILE
from facegen.data.corpus.reader import Corpus
from facegen.data.corpus.removal import remove_faces

_CHUNK_ROWS = 256


@dataclass(frozen=True)
class Drop:
    """What was dropped.

    Attributes:
        folder: the corpus that lacks them.
        faces, clips, people: how many; a clip and a person go with their last face.
        left_faces, left_clips: how many stay.
        same: those that stay are bit for bit what they were.
        can_be_restored: the collection keeps what was dropped.
    """

    folder: Path
    faces: int
    clips: int
    people: int
    left_faces: int
    left_clips: int
    same: bool
    can_be_restored: bool


def drop_marked(folder: Path, path: Path, out: Path | None = None, observer: Observer | None = None) -> Drop:
    """Drop the faces whose row in a list says so.

    In a collection they are marked in its manifest first, so that no later call packs them again; what was collected
    stays beside the corpus. Interrupted between the two, `facegen collect` finishes.

    Args:
        folder: a packed corpus.
        path: the list, as `review_list.write_list` made it, with `drop` filled in.
        out: a new folder for what is left; without, the corpus itself is changed.
        observer: told how far it is.
    Raises:
        DataError: the list does not fit the corpus, marks nothing, or everything, or something cannot be written.
    """
    observer = observer or Observer()
    marked = read_marked(path)
    if not marked:
        raise DataError(f"{path}: no row says yes in the column drop; write yes where a face is to go")
    if out is None:
        _recover(folder)
    corpus = Corpus.open(folder)
    dropped = find_marked(corpus, path, marked)
    if bool(dropped.all()):
        raise DataError(f"{path}: marks every face; nothing would be left")
    collection = CollectionFolder(folder)
    collected = out is None and collection.manifest.is_file()
    before, digest = corpus.header, _digest(corpus, ~dropped)
    try:
        with ExitStack() as stack:
            place = folder
            if out is not None:
                place = stack.enter_context(_copied(corpus, out))
            elif collected:
                stack.enter_context(collection.alone())
                manifest = stack.enter_context(CollectionManifest(collection.manifest))
                manifest_review.drop(manifest, _frames_of(corpus, manifest, dropped))
            left = remove_faces(place, dropped, observer)
    except DiskError as error:
        raise DataError(f"{folder}: cannot be written ({error.detail}); call the same command again") from None
    except OSError as error:
        raise DataError(f"{out or folder}: cannot be written ({error.strerror})") from None
    now = Corpus.open(out or folder)
    same = _digest(now, torch.ones(left.num_frames, dtype=torch.bool)) == digest
    return Drop(
        out or folder, before.num_frames - left.num_frames, before.num_clips - left.num_clips,
        len(before.identities) - len(left.identities), left.num_frames, left.num_clips, same, collected,
    )  # fmt: skip


def restore_dropped(folder: Path) -> int:
    """Take back all that was dropped from a collection; `facegen collect` then packs it again.

    Returns:
        How many faces that were.
    Raises:
        DataError: it is no collection.
    """
    collection = CollectionFolder(folder)
    if not collection.manifest.is_file():
        raise DataError(f"{folder}: was not collected here, so what was dropped is not kept; pack the corpus again")
    try:
        with collection.alone(), CollectionManifest(collection.manifest) as manifest:
            return manifest_review.restore(manifest)
    except DiskError as error:
        raise DataError(f"{folder}: cannot be written ({error.detail}); call the same command again") from None


def _frames_of(corpus: Corpus, manifest: CollectionManifest, dropped: Tensor) -> list[tuple[str, int]]:
    """The frames of the manifest that faces of the corpus are: both have one order, and person and box agree."""
    frames = manifest_review.packed_frames(manifest)
    index, names = corpus.index, corpus.header.identities
    found = []
    fits = len(frames) == corpus.header.num_frames
    for row in dropped.nonzero()[:, 0].tolist() if fits else ():
        video, number, person, box = frames[row]
        clip = int(torch.searchsorted(index.frame_offsets, row, right=True)) - 1
        stored = tuple(index.frame_boxes[row].tolist()) if index.frame_boxes is not None else (0, 0, 0)
        is_theirs = normalise_name(names[int(index.identity[clip])]) == normalise_name(person)
        fits = fits and is_theirs and stored == box
        found.append((video, number))
    if not fits:
        raise DataError(
            f"{corpus.folder}: its corpus is older than its manifest; call `facegen collect` again, then look through "
            f"the new one"
        )
    return found


def _recover(folder: Path) -> None:
    """Delete the dropped faces that an interrupted call left behind."""
    try:
        recover(folder)
    except OSError as error:
        raise DataError(f"{folder}: cannot be written ({error.strerror}); make it writable, or give --out") from None


@contextmanager
def _copied(corpus: Corpus, out: Path) -> Iterator[Path]:
    """Copy the files of a corpus, and nothing else of its folder, to where OUT is made."""
    if out.exists():
        raise DataError(f"{out}: is there already; give a new folder")
    with new_folder(out) as part:
        for name in [*(shard.file for shard in corpus.header.shards), HEADER_FILE]:
            shutil.copyfile(corpus.folder / name, part / name)
        yield part


def _digest(corpus: Corpus, chosen: Tensor) -> str:
    """Of chosen faces, with their person, moment and the speech that they stand in."""
    index, names = corpus.index, corpus.header.identities
    rows = chosen.nonzero()[:, 0]
    clips = torch.searchsorted(index.frame_offsets, rows, right=True) - 1
    made = hashlib.sha256()
    for some, clip in zip(rows.split(_CHUNK_ROWS), clips.split(_CHUNK_ROWS), strict=True):
        made.update(corpus.faces(clip, some - index.frame_offsets[clip]).numpy().tobytes())
        said = [names[number] for number in index.identity[clip].tolist()]
        said += [*map(str, index.frame_time_samples[some].tolist()), *map(str, index.utterance[clip].tolist())]
        made.update("\0".join(said).encode())
    last = -1
    for clip_number in clips.unique().tolist():
        track = int(index.track[clip_number])
        if track >= 0 and track != last:
            length = int(index.track_offsets[track + 1] - index.track_offsets[track])
            made.update(corpus.speech(torch.tensor([clip_number]), torch.tensor([0]), length).numpy().tobytes())
        last = track
    return made.hexdigest()
