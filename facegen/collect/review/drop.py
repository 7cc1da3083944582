"""Removal of the faces that are marked on a review list, with a check that all other data is unchanged."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from facegen.collect.folder import CollectionFolder
from facegen.collect.manifest import dropped_frames
from facegen.collect.manifest.manifest import CollectionManifest
from facegen.collect.review.review_list import locate_marked_faces, read_marked_faces
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
class DropResult:
    """Result of a removal.

    Attributes:
        folder: corpus without the dropped faces.
        faces, clips, people: numbers of dropped items; a clip and a person are dropped with their last face.
        left_faces, left_clips: numbers of remaining items.
        same: true if the remaining faces are bit for bit what they were.
        can_be_restored: true if the collection keeps the dropped faces.
    """

    folder: Path
    faces: int
    clips: int
    people: int
    left_faces: int
    left_clips: int
    same: bool
    can_be_restored: bool


def drop_marked(folder: Path, path: Path, out: Path | None = None, observer: Observer | None = None) -> DropResult:
    """Drop the faces that a review list marks.

    In a collection, the manifest marks them first, so that later calls do not pack them again; their results stay
    beside the corpus. `facegen collect` finishes a call that was interrupted between the two steps.

    Args:
        folder: packed corpus.
        path: list of `review_list.write_list` with marks in the column drop.
        out: new folder for the remaining faces; None changes the corpus itself.
        observer: receives progress.
    Raises:
        DataError: the list does not fit the corpus, marks no face or every face, or a file cannot be written.
    """
    observer = observer or Observer()
    marked = read_marked_faces(path)
    if not marked:
        raise DataError(f"{path}: no row has yes in the column drop; write yes in the rows of faces to drop")
    if out is None:
        _recover(folder)
    corpus = Corpus.open(folder)
    dropped = locate_marked_faces(corpus, path, marked)
    if bool(dropped.all()):
        raise DataError(f"{path}: marks every face; keep at least one")
    collection = CollectionFolder(folder)
    is_collection = out is None and collection.manifest.is_file()
    before, digest = corpus.header, _digest(corpus, ~dropped)
    try:
        with ExitStack() as stack:
            target = folder
            if out is not None:
                target = stack.enter_context(_copied(corpus, out))
            elif is_collection:
                stack.enter_context(collection.lock())
                manifest = stack.enter_context(CollectionManifest(collection.manifest))
                dropped_frames.mark_dropped(manifest, _frames_of(corpus, manifest, dropped))
            left = remove_faces(target, dropped, observer)
    except DiskError as error:
        raise DataError(f"{folder}: cannot be written ({error.detail}); run the same command again") from None
    except OSError as error:
        raise DataError(f"{out or folder}: cannot be written ({error.strerror})") from None
    remaining = Corpus.open(out or folder)
    same = _digest(remaining, torch.ones(left.num_frames, dtype=torch.bool)) == digest
    return DropResult(
        out or folder, before.num_frames - left.num_frames, before.num_clips - left.num_clips,
        len(before.identities) - len(left.identities), left.num_frames, left.num_clips, same, is_collection,
    )  # fmt: skip


def restore_dropped(folder: Path) -> int:
    """Restore all dropped faces of a collection; the next `facegen collect` packs them again.

    Returns:
        Number of restored faces.
    Raises:
        DataError: the folder is not a collection, or cannot be written.
    """
    collection = CollectionFolder(folder)
    if not collection.manifest.is_file():
        raise DataError(f"{folder}: was not collected here, so dropped faces are not kept; pack the corpus again")
    try:
        with collection.lock(), CollectionManifest(collection.manifest) as manifest:
            return dropped_frames.unmark_dropped(manifest)
    except DiskError as error:
        raise DataError(f"{folder}: cannot be written ({error.detail}); run the same command again") from None


def _frames_of(corpus: Corpus, manifest: CollectionManifest, dropped: Tensor) -> list[tuple[str, int]]:
    """Return (video, frame number) of the dropped faces; manifest and corpus have the same order.

    Raises:
        DataError: person or box of a face differ between manifest and corpus.
    """
    frames = dropped_frames.read_packed(manifest)
    index, names = corpus.index, corpus.header.identities
    dropped_frames_of_videos = []
    fits = len(frames) == corpus.header.num_frames
    for row in dropped.nonzero()[:, 0].tolist() if fits else ():
        video, number, person, box = frames[row]
        clip = int(torch.searchsorted(index.frame_offsets, row, right=True)) - 1
        stored = tuple(index.frame_boxes[row].tolist()) if index.frame_boxes is not None else (0, 0, 0)
        same_person = normalise_name(names[int(index.identity[clip])]) == normalise_name(person)
        fits = fits and same_person and stored == box
        dropped_frames_of_videos.append((video, number))
    if not fits:
        raise DataError(
            f"{corpus.folder}: its corpus is older than its manifest; run `facegen collect` again, then review the "
            f"new corpus"
        )
    return dropped_frames_of_videos


def _recover(folder: Path) -> None:
    """Finish the file changes of an interrupted call."""
    try:
        recover(folder)
    except OSError as error:
        raise DataError(f"{folder}: cannot be written ({error.strerror}); make it writable, or give --out") from None


@contextmanager
def _copied(corpus: Corpus, out: Path) -> Iterator[Path]:
    """Create a folder with a copy of the corpus files, and of nothing else."""
    if out.exists():
        raise DataError(f"{out}: exists already; give a new folder")
    with new_folder(out) as part:
        for name in [*(shard.file for shard in corpus.header.shards), HEADER_FILE]:
            shutil.copyfile(corpus.folder / name, part / name)
        yield part


def _digest(corpus: Corpus, chosen: Tensor) -> str:
    """Hash the chosen faces, with their people, times and tracks."""
    index, names = corpus.index, corpus.header.identities
    rows = chosen.nonzero()[:, 0]
    clips = torch.searchsorted(index.frame_offsets, rows, right=True) - 1
    sha256 = hashlib.sha256()
    for chunk, clip in zip(rows.split(_CHUNK_ROWS), clips.split(_CHUNK_ROWS), strict=True):
        sha256.update(corpus.faces(clip, chunk - index.frame_offsets[clip]).numpy().tobytes())
        labels = [names[number] for number in index.identity[clip].tolist()]
        labels += [*map(str, index.frame_time_samples[chunk].tolist()), *map(str, index.utterance[clip].tolist())]
        sha256.update("\0".join(labels).encode())
    last = -1
    for clip_number in clips.unique().tolist():
        track = int(index.track[clip_number])
        if track >= 0 and track != last:
            length = int(index.track_offsets[track + 1] - index.track_offsets[track])
            sha256.update(corpus.speech(torch.tensor([clip_number]), torch.tensor([0]), length).numpy().tobytes())
        last = track
    return sha256.hexdigest()
