"""A folder with a folder a person: pictures, and speech where there is some."""

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

PICTURES = frozenset(
    ["avif", "bmp", "gif", "heic", "heif", "jpeg", "jpg", "jxl", "pgm", "png", "ppm", "tif", "tiff", "webp"]
)
VIDEOS = frozenset(["avi", "mkv", "mov", "mp4", "mpeg", "mpg", "webm"])
SOUNDS = VIDEOS | {"aac", "aif", "aiff", "flac", "m4a", "mka", "mp3", "oga", "ogg", "opus", "wav", "wma"}
"""Endings; what a file really holds is found out when it is read."""

T = TypeVar("T")


@dataclass
class PersonFiles:
    """What there is of a person.

    Attributes:
        folder: all of it lies in there.
        pictures, sounds: files, in the order of their paths.
        others: files that are neither, by their endings.
    """

    folder: Path
    pictures: list[Path] = field(default_factory=list)
    sounds: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Whose folder it is."""
        return normalise_name(self.folder.name)


def read_folder(path: Path) -> ImportRequests:
    """Ask for all that lies in a folder of people; names of folders are names of people.

    A picture goes with the speech of its stem (`1.jpg`, `1.wav`). Pictures and speech that are left are dealt: each
    is used, and where one side is shorter, what it has is used again. Where nobody has speech, each picture is a clip.

    Raises:
        DataError: it cannot be listed, or holds no folders.
    """
    try:
        entries = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise DataError(f"{path}: cannot be listed ({error.strerror}); give a folder with a folder a person") from None
    people = [list_person_files(entry) for entry in entries if entry.is_dir()]
    if not people:
        raise DataError(
            f"{path}: has no folders in it; give a folder with a folder of pictures a person, a folder of .tar shards, "
            f"or a table of pairs (a CSV file)"
        )
    lines = count(1)
    rejects: list[Reject] = []
    for entry in entries:
        if not entry.is_dir():
            detail = f"{entry}: put it into the folder of a person; a table of pairs is given by its own path"
            rejects.append(Reject(next(lines), "", "stands in no person's folder", detail))
    has_speech = any(person.sounds for person in people)
    clips: list[ClipRequest] = []
    for person in people:
        rejects += _unusable(person, has_speech, lines)
        if person.pictures and not check_identity(0, person.name):
            clips += _clips(person, has_speech, lines)
    return ImportRequests(clips, sum(len(clip.faces) for clip in clips) + len(rejects), rejects)


def list_person_files(folder: Path) -> PersonFiles:
    """All files below a person's folder but hidden ones; links to folders are not followed."""
    found = PersonFiles(folder)
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                ending = name.rpartition(".")[2].lower()
                kind = found.pictures if ending in PICTURES else found.sounds if ending in SOUNDS else found.others
                kind.append(Path(parent, name))
    return found


def distribute_faces(faces: Sequence[T], tracks: Sequence[Path]) -> list[tuple[Path, list[T]]]:
    """Faces for every track: each of both at least once, none more often than it must be."""
    dealt: list[tuple[Path, list[T]]] = [(track, []) for track in tracks]
    for number in range(max(len(faces), len(tracks)) if faces and tracks else 0):
        dealt[number % len(tracks)][1].append(faces[number % len(faces)])
    return [(track, theirs) for track, theirs in dealt if theirs]


def _unusable(person: PersonFiles, has_speech: bool, lines: Iterator[int]) -> Iterator[Reject]:
    who = person.name
    unfit = check_identity(0, who)
    if unfit is not None:
        yield Reject(next(lines), unfit.identity, unfit.reason, f"{person.folder}: {unfit.detail}")
        return
    if not person.pictures:
        yield Reject(next(lines), who, "has no face", f"{person.folder}: add a picture of a known ending")
    for path in person.others:
        endings = ", ".join(sorted(PICTURES | SOUNDS))
        yield Reject(next(lines), who, "is neither a picture nor a sound by its ending", f"{path}: one of {endings}")
    if has_speech and person.pictures and not person.sounds:
        detail = f"{person.folder}: add a sound, or pack those without any apart"
        yield Reject(next(lines), who, "has no speech, which other people have", detail)
        person.pictures = []


def _clips(person: PersonFiles, has_speech: bool, lines: Iterator[int]) -> Iterator[ClipRequest]:
    faces = {path: FaceRequest(next(lines), path) for path in person.pictures}
    carriers = person.sounds if has_speech else person.pictures
    recordings = {path.parent for path in carriers}
    together: list[tuple[Path, list[FaceRequest]]]
    if has_speech:
        twins = _same_stem(person)
        paired = {picture for pictures in twins.values() for picture in pictures}
        rest_faces = [face for path, face in faces.items() if path not in paired]
        rest_sounds = [path for path in person.sounds if path not in twins]
        together = [(sound, [faces[picture] for picture in pictures]) for sound, pictures in twins.items()]
        if rest_faces or rest_sounds:
            together += distribute_faces(rest_faces or list(faces.values()), rest_sounds or person.sounds)
    else:
        together = [(path, [face]) for path, face in faces.items()]
    root = person.folder.parent
    for path, theirs in together:
        name = path.relative_to(root).as_posix()
        # Where there are several folders with sounds, each is a recording, as in VoxCeleb: held out as one.
        utterance = path.parent.relative_to(root).as_posix() if len(recordings) > 1 else name
        yield ClipRequest(person.name, utterance, name, tuple(theirs), path if has_speech else None)


def _same_stem(person: PersonFiles) -> dict[Path, list[Path]]:
    """{sound: pictures of its stem}, in the same folder, or anywhere where only one sound has that stem."""
    near = {(path.parent, path.stem): path for path in reversed(person.sounds)}
    by_stem: dict[str, list[Path]] = defaultdict(list)
    for path in person.sounds:
        by_stem[path.stem].append(path)
    pairs: dict[Path, list[Path]] = defaultdict(list)
    for picture in person.pictures:
        alone = by_stem.get(picture.stem, [])
        sound = near.get((picture.parent, picture.stem)) or (alone[0] if len(alone) == 1 else None)
        if sound is not None:
            pairs[sound].append(picture)
    return {sound: pairs[sound] for sound in person.sounds if sound in pairs}
