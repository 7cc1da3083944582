"""Importer of VoxCeleb speech joined with images of VoxCeleb and of VGGFace, by the metadata table of VoxCeleb."""

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
"""Largest depth of a person's folder below the root, as in `dev/wav/id10001`."""


@dataclass(frozen=True)
class Celebrity:
    """A row of the metadata table.

    Attributes:
        line: line of the table.
        voice, face: folder names in VoxCeleb and in VGGFace.
        sex: class of the sex; -1 if unknown.
    """

    line: int
    voice: str
    face: str
    sex: int


def read_voxceleb(voxceleb: Path, vggface: Path | None, meta: Path, frames: Path | None = None) -> ImportRequests:
    """Request all people who have both speech and images, as in the second corpus of Choi et al. 2020.

    Names are those of VGGFace. Each utterance is a clip, and all clips of a video are held out together. VoxCeleb's
    images are assigned to the clips of their own video, those of VGGFace and of videos without speech to all clips in
    turn, by `distribute_faces`. Images have no time in the speech.

    Args:
        voxceleb: folder with one folder per person, at most three levels deep, named by the VoxCeleb ID or the VGGFace
            ID, with one subfolder per video.
        vggface: folder with one folder of images per person, named by the VGGFace ID; None for none.
        meta: vox1_meta.csv or vox2_meta.csv; cells are separated by tabs or commas.
        frames: folder with VoxCeleb's images: one folder per person, named as that of the speech, in which the images
            of a video lie somewhere below a folder with its name; None for none.
    Raises:
        DataError: a folder or the table cannot be read, or the table lacks a column.
    """
    people = _read_table(meta)
    names = {name for person in people for name in (person.voice, person.face)}
    speech_folders = _people_folders(voxceleb, names)
    image_folders = {} if vggface is None else _people_folders(vggface, {person.face for person in people})
    frame_folders = {} if frames is None else _people_folders(frames, names)
    lines = count(1)
    clips: list[ClipRequest] = []
    rejects: list[Reject] = []
    for person in people:
        voices = [*speech_folders.get(person.voice, ()), *speech_folders.get(person.face, ())]
        audio_files = next(filter(None, (list_person_files(folder).audio_files for folder in voices)), [])
        images = next(
            filter(None, (list_person_files(folder).images for folder in image_folders.get(person.face, ()))), []
        )
        own_folders = [*frame_folders.get(person.voice, ()), *frame_folders.get(person.face, ())]
        own_images = [path for folder in own_folders for path in list_person_files(folder).images]
        problem = _problem(person, audio_files, [*images, *own_images])
        if problem:
            rejects.append(
                Reject(next(lines), person.face, problem, f"{meta.name}: line {person.line}, {person.voice}")
            )
            continue
        faces_of = _assign(
            [FaceRequest(next(lines), path) for path in own_images],
            [FaceRequest(next(lines), path) for path in images], audio_files,
        )  # fmt: skip
        sources = [*(["VoxCeleb"] if own_images else []), *([f"VGGFace {person.face}"] if images else [])]
        clips += [_clip(person, path, faces, " and ".join(sources)) for path, faces in faces_of.items() if faces]
    return ImportRequests(clips, sum(len(clip.faces) for clip in clips) + len(rejects), rejects)


def _problem(person: Celebrity, audio_files: Sequence[Path], images: Sequence[Path]) -> str:
    reject = check_identity(person.line, person.face)
    if reject is not None:
        return reject.reason
    return (
        "" if audio_files and images else "has no folder with speech" if not audio_files else "has no folder with faces"
    )


def _assign(
    own: Sequence[FaceRequest], others: Sequence[FaceRequest], audio_files: Sequence[Path]
) -> dict[Path, list[FaceRequest]]:
    """Assign faces to the clips of their own video, and the others to all clips in turn: {audio file: faces}."""
    faces_of: dict[Path, list[FaceRequest]] = {path: [] for path in audio_files}
    clips_of: dict[str, list[Path]] = {}
    for path in audio_files:
        clips_of.setdefault(path.parent.name, []).append(path)
    faces_in: dict[str, list[FaceRequest]] = {}
    rest = list(others)
    for face in own:
        video = next((name for name in reversed(Path(str(face.path)).parts[:-1]) if name in clips_of), None)
        (rest if video is None else faces_in.setdefault(video, [])).append(face)
    for video, faces in faces_in.items():
        for path, shown in distribute_faces(faces, clips_of[video]):
            faces_of[path] += shown
    for path, shown in distribute_faces(rest, audio_files):
        faces_of[path] += shown
    return faces_of


def _clip(person: Celebrity, path: Path, faces: Sequence[FaceRequest], sources: str) -> ClipRequest:
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
        source=f"VoxCeleb {name}; faces: {sources}",
    )


def _read_table(path: Path) -> Sequence[Celebrity]:
    try:
        lines = read_text(path).splitlines()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give vox1_meta.csv") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not UTF-8 text (byte {error.start}); give vox1_meta.csv") from None
    header, *rows = [[cell.strip() for cell in row] for row in _cells(lines)] or [[]]
    column_of = {kind: _find_column(header, kind) for kind in ("VoxCeleb", "VGGFace", "Gender")}
    missing = [f"'{kind}... ID'" for kind in ("VoxCeleb", "VGGFace") if column_of[kind] is None]
    if missing:
        existing = ", ".join(header[:8]) or "nothing"
        raise DataError(
            f"{path}: header: missing columns: {', '.join(missing)}; it has {existing[:200]}; give vox1_meta.csv"
        )
    return [_person(line, row, column_of) for line, row in enumerate(rows, start=2) if any(row)]


def _cells(lines: Sequence[str]) -> Iterator[list[str]]:
    return csv.reader(lines, delimiter="\t" if lines and "\t" in lines[0] else ",")


def _find_column(header: Sequence[str], kind: str) -> int | None:
    return next((number for number, name in enumerate(header) if name.lower().startswith(kind.lower())), None)


def _person(line: int, row: Sequence[str], column_of: Mapping[str, int | None]) -> Celebrity:
    def cell(kind: str) -> str:
        number = column_of[kind]
        return row[number] if number is not None and number < len(row) else ""

    voice, face = normalise_name(cell("VoxCeleb")), normalise_name(cell("VGGFace"))
    return Celebrity(line, voice, face, SEXES.get(cell("Gender").lower(), -1))


def _people_folders(root: Path, names: set[str]) -> dict[str, list[Path]]:
    """Find the folders of people below a root: {name: folders}.

    VoxCeleb has two folders per person, one with audio and one with text files.
    """
    if not root.is_dir():
        raise DataError(f"{root}: is not a folder; give the folder that holds one folder per person")
    folders_of: dict[str, list[Path]] = {}
    for parent, folders, _ in os.walk(root):
        depth = len(Path(parent).relative_to(root).parts)
        folders.sort()
        for name in folders:
            if normalise_name(name) in names:
                folders_of.setdefault(normalise_name(name), []).append(Path(parent, name))
        folders[:] = [name for name in folders if normalise_name(name) not in names] if depth + 1 < MAX_DEPTH else []
    return folders_of
