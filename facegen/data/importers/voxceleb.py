"""VoxCeleb's voices joined with VGGFace's faces, by the table that comes with VoxCeleb."""

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from facegen.core.errors import DataError
from facegen.core.text.names import normalise_name
from facegen.core.text.text_files import read_text
from facegen.data.importers.clip_requests import ClipRequest, FaceRequest, ImportRequests, Reject
from facegen.data.importers.folder import distribute_faces, list_person_files
from facegen.data.importers.table import SEXES, check_identity

MAX_DEPTH = 3
"""People's folders lie so deep at most: `dev/wav/id10001`."""


@dataclass(frozen=True)
class Celebrity:
    """A row of the table.

    Attributes:
        line: of the table.
        voice, face: what the folders of VoxCeleb and of VGGFace are called.
        sex: its class; -1 unknown.
    """

    line: int
    voice: str
    face: str
    sex: int


def read_voxceleb(voxceleb: Path, vggface: Path, meta: Path) -> ImportRequests:
    """Ask for everybody of whom there are both: the second corpus of Choi et al. 2020.

    People are called as in VGGFace. Each utterance is a clip, and all clips of a video are held out together; faces
    are dealt to them, for they come from elsewhere, and have no moment in them.

    Args:
        voxceleb: a folder that holds, at most three folders deep, one a person, named by its VoxCeleb ID or by the
            VGGFace ID, with a folder a video in it.
        vggface: the same of pictures, named by the VGGFace ID.
        meta: vox1_meta.csv or vox2_meta.csv; cells are parted by tabs or commas.
    Raises:
        DataError: a folder or the table cannot be read, or the table has other columns.
    """
    people = _read_table(meta)
    spoken = _people_folders(voxceleb, {name for person in people for name in (person.voice, person.face)})
    seen = _people_folders(vggface, {person.face for person in people})
    lines = count(1)
    clips: list[ClipRequest] = []
    rejects: list[Reject] = []
    for person in people:
        voices = [*spoken.get(person.voice, ()), *spoken.get(person.face, ())]
        sounds = next(filter(None, (list_person_files(folder).sounds for folder in voices)), [])
        pictures = next(filter(None, (list_person_files(folder).pictures for folder in seen.get(person.face, ()))), [])
        unfit = _unfit(person, sounds, pictures)
        if unfit:
            rejects.append(Reject(next(lines), person.face, unfit, f"{meta.name}: line {person.line}, {person.voice}"))
            continue
        faces = [FaceRequest(next(lines), path) for path in pictures]
        clips += [_clip(person, path, theirs) for path, theirs in distribute_faces(faces, sounds)]
    return ImportRequests(clips, sum(len(clip.faces) for clip in clips) + len(rejects), rejects)


def _unfit(person: Celebrity, sounds: Sequence[Path], pictures: Sequence[Path]) -> str:
    unfit = check_identity(person.line, person.face)
    if unfit is not None:
        return unfit.reason
    return "" if sounds and pictures else "has no folder with speech" if not sounds else "has no folder with faces"


def _clip(person: Celebrity, path: Path, faces: Sequence[FaceRequest]) -> ClipRequest:
    video, utterance = path.parent.name, path.name
    is_own_folder = normalise_name(video) in (person.voice, person.face)
    name = "/".join([person.voice, *([] if is_own_folder else [video]), utterance])
    return ClipRequest(
        identity=person.face,
        utterance=name if is_own_folder else video,
        name=name,
        faces=tuple(faces),
        speech=path,
        attributes=(("sex", person.sex),) if person.sex >= 0 else (),
        source=f"VoxCeleb {name}; faces: VGGFace {person.face}",
    )


def _read_table(path: Path) -> Sequence[Celebrity]:
    try:
        lines = read_text(path).splitlines()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give vox1_meta.csv") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is no UTF-8 text (byte {error.start}); give vox1_meta.csv") from None
    header, *rows = [[cell.strip() for cell in row] for row in _cells(lines)] or [[]]
    place = {kind: _place(header, kind) for kind in ("VoxCeleb", "VGGFace", "Gender")}
    missing = [f"'{kind}... ID'" for kind in ("VoxCeleb", "VGGFace") if place[kind] is None]
    if missing:
        said = ", ".join(header[:8]) or "nothing"
        raise DataError(f"{path}: header: no column {' nor '.join(missing)}, but {said[:200]}; give vox1_meta.csv")
    return [_person(line, row, place) for line, row in enumerate(rows, start=2) if any(row)]


def _cells(lines: Sequence[str]) -> Iterator[list[str]]:
    return csv.reader(lines, delimiter="\t" if lines and "\t" in lines[0] else ",")


def _place(header: Sequence[str], kind: str) -> int | None:
    return next((number for number, name in enumerate(header) if name.lower().startswith(kind.lower())), None)


def _person(line: int, row: Sequence[str], place: Mapping[str, int | None]) -> Celebrity:
    def cell(kind: str) -> str:
        number = place[kind]
        return row[number] if number is not None and number < len(row) else ""

    voice, face = normalise_name(cell("VoxCeleb")), normalise_name(cell("VGGFace"))
    return Celebrity(line, voice, face, SEXES.get(cell("Gender").lower(), -1))


def _people_folders(root: Path, names: set[str]) -> dict[str, list[Path]]:
    """{name: folders} of the people that lie below a folder; VoxCeleb has one with sounds and one with texts."""
    if not root.is_dir():
        raise DataError(f"{root}: is no folder; give the one that holds a folder a person")
    found: dict[str, list[Path]] = {}
    for parent, folders, _ in os.walk(root):
        depth = len(Path(parent).relative_to(root).parts)
        folders.sort()
        for name in folders:
            if normalise_name(name) in names:
                found.setdefault(normalise_name(name), []).append(Path(parent, name))
        folders[:] = [name for name in folders if normalise_name(name) not in names] if depth + 1 < MAX_DEPTH else []
    return found
