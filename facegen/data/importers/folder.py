"""Importer of a folder that holds one folder per person, with images and optionally speech."""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TypeVar

from facegen.core.errors import DataError
from facegen.core.text.names import normalise_name
from facegen.data.importers.clip_requests import ClipRequest, FaceRequest, ImportRequests, Reject
from facegen.data.importers.table import check_identity

IMAGE_EXTENSIONS = frozenset(
    ["avif", "bmp", "gif", "heic", "heif", "jpeg", "jpg", "jxl", "pgm", "png", "ppm", "tif", "tiff", "webp"]
)
VIDEO_EXTENSIONS = frozenset(["avi", "mkv", "mov", "mp4", "mpeg", "mpg", "webm"])
AUDIO_EXTENSIONS = VIDEO_EXTENSIONS | {
    "aac",
    "aif",
    "aiff",
    "flac",
    "m4a",
    "mka",
    "mp3",
    "oga",
    "ogg",
    "opus",
    "wav",
    "wma",
}
"""File extensions; the content of a file is checked when it is read."""

T = TypeVar("T")


@dataclass
class PersonFiles:
    """Files of a person.

    Attributes:
        folder: folder of the person.
        images, audio_files: image files and audio or video files, in the order of their paths.
        others: files with other extensions.
    """

    folder: Path
    images: list[Path] = field(default_factory=list)
    audio_files: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Name of the person."""
        return normalise_name(self.folder.name)


def read_folder(path: Path) -> ImportRequests:
    """Request all clips in a folder of people; the name of a subfolder is the name of the person.

    An image is paired with the audio file of the same stem (`1.jpg`, `1.wav`). The remaining images and audio files are
    paired by `distribute_faces`. If no person has audio, each image is a clip. Links are followed inside of the folder
    only; a link that leads out of it is a reject, as a folder from elsewhere could show any file of this machine.

    Raises:
        DataError: the folder cannot be listed, or has no subfolders.
    """
    try:
        entries = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise DataError(
            f"{path}: cannot be listed ({error.strerror}); give a folder with one subfolder per person"
        ) from None
    root = os.path.realpath(path)
    people = [list_person_files(entry) for entry in entries if entry.is_dir() and _is_inside(entry, root)]
    if not people:
        raise DataError(
            f"{path}: has no subfolders; give a folder with one subfolder of images per person, a folder of .tar "
            f"shards, or a table of pairs (a CSV file)"
        )
    lines = count(1)
    rejects: list[Reject] = []
    for entry in entries:
        if not _is_inside(entry, root):
            rejects.append(_reject_link(next(lines), "", entry))
        elif not entry.is_dir():
            detail = f"{entry}: move it to the folder of a person; to pack a table of pairs, give the path of the table"
            rejects.append(Reject(next(lines), "", "is not in a person's folder", detail))
    for person in people:
        rejects += _without_links(person, root, lines)
    has_speech = any(person.audio_files for person in people)
    clips: list[ClipRequest] = []
    for person in people:
        rejects += _unusable(person, has_speech, lines)
        if person.images and not check_identity(0, person.name):
            clips += _clips(person, has_speech, lines)
    return ImportRequests(clips, sum(len(clip.faces) for clip in clips) + len(rejects), rejects)


def list_person_files(folder: Path) -> PersonFiles:
    """List the files below a person's folder, without hidden ones; links to folders are not followed."""
    files = PersonFiles(folder)
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                extension = name.rpartition(".")[2].lower()
                is_image, is_audio = extension in IMAGE_EXTENSIONS, extension in AUDIO_EXTENSIONS
                same_kind = files.images if is_image else files.audio_files if is_audio else files.others
                same_kind.append(Path(parent, name))
    return files


def _without_links(person: PersonFiles, root: str, lines: Iterator[int]) -> list[Reject]:
    """Remove a person's files that are links out of a folder, and return their rejects."""
    rejects = []
    for paths in (person.images, person.audio_files, person.others):
        outside = [path for path in paths if not _is_inside(path, root)]
        rejects += [_reject_link(next(lines), person.name, path) for path in outside]
        paths[:] = [path for path in paths if path not in outside]
    return rejects


def _is_inside(path: Path, root: str) -> bool:
    return not path.is_symlink() or os.path.realpath(path).startswith(root + os.sep)


def _reject_link(line: int, identity: str, path: Path) -> Reject:
    detail = f"{path}: leads to {os.path.realpath(path)}; copy it into the folder, or name it in a table of pairs"
    return Reject(line, identity, "is a link out of the folder of people", detail)


def distribute_faces(faces: Sequence[T], tracks: Sequence[Path]) -> list[tuple[Path, list[T]]]:
    """Assign faces to tracks in turn: every face and track is used, the fewer ones repeatedly."""
    assigned: list[tuple[Path, list[T]]] = [(track, []) for track in tracks]
    for number in range(max(len(faces), len(tracks)) if faces and tracks else 0):
        assigned[number % len(tracks)][1].append(faces[number % len(faces)])
    return [(track, track_faces) for track, track_faces in assigned if track_faces]


def _unusable(person: PersonFiles, has_speech: bool, lines: Iterator[int]) -> Iterator[Reject]:
    identity = person.name
    invalid = check_identity(0, identity)
    if invalid is not None:
        yield Reject(next(lines), invalid.identity, invalid.reason, f"{person.folder}: {invalid.detail}")
        return
    if not person.images:
        yield Reject(next(lines), identity, "has no face", f"{person.folder}: add an image file")
    for path in person.others:
        extensions = ", ".join(sorted(IMAGE_EXTENSIONS | AUDIO_EXTENSIONS))
        yield Reject(
            next(lines),
            identity,
            "has the extension of neither an image nor an audio file",
            f"{path}: allowed are {extensions}",
        )
    if has_speech and person.images and not person.audio_files:
        detail = f"{person.folder}: add an audio file, or pack people without speech separately"
        yield Reject(next(lines), identity, "has no speech, which other people have", detail)
        person.images = []


def _clips(person: PersonFiles, has_speech: bool, lines: Iterator[int]) -> Iterator[ClipRequest]:
    faces = {path: FaceRequest(next(lines), path) for path in person.images}
    clip_files = person.audio_files if has_speech else person.images
    recording_folders = {path.parent for path in clip_files}
    pairs: list[tuple[Path, list[FaceRequest]]]
    if has_speech:
        images_of_audio = _same_stem(person)
        paired = {image for images in images_of_audio.values() for image in images}
        rest_faces = [face for path, face in faces.items() if path not in paired]
        rest_audio_files = [path for path in person.audio_files if path not in images_of_audio]
        pairs = [(audio_file, [faces[image] for image in images]) for audio_file, images in images_of_audio.items()]
        if rest_faces or rest_audio_files:
            pairs += distribute_faces(rest_faces or list(faces.values()), rest_audio_files or person.audio_files)
    else:
        pairs = [(path, [face]) for path, face in faces.items()]
    root = person.folder.parent
    for path, clip_faces in pairs:
        name = path.relative_to(root).as_posix()
        # Several subfolders with audio are recordings, as in VoxCeleb; a recording is held out as a whole.
        utterance = path.parent.relative_to(root).as_posix() if len(recording_folders) > 1 else name
        yield ClipRequest(person.name, utterance, name, tuple(clip_faces), path if has_speech else None)


def _same_stem(person: PersonFiles) -> dict[Path, list[Path]]:
    """Pair audio files with images of the same stem: {audio: images}.

    An audio file in the folder of the image comes first, else the only one of that stem anywhere.
    """
    in_folder = {(path.parent, path.stem): path for path in reversed(person.audio_files)}
    by_stem: dict[str, list[Path]] = defaultdict(list)
    for path in person.audio_files:
        by_stem[path.stem].append(path)
    pairs: dict[Path, list[Path]] = defaultdict(list)
    for image in person.images:
        candidates = by_stem.get(image.stem, [])
        audio_file = in_folder.get((image.parent, image.stem)) or (candidates[0] if len(candidates) == 1 else None)
        if audio_file is not None:
            pairs[audio_file].append(image)
    return {audio_file: pairs[audio_file] for audio_file in person.audio_files if audio_file in pairs}
