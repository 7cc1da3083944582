"""Review list as a CSV table: written with the findings, read with the marks of the faces to drop."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from facegen.collect.review.review import Finding, Review
from facegen.core.errors import DataError
from facegen.core.files import write_file
from facegen.core.text.names import normalise_name
from facegen.core.text.text_files import open_text
from facegen.data.corpus.reader import Corpus
from facegen.data.importers.clip_files import digest

FILE_NAME = "review.csv"
COLUMNS = (
    "drop",
    "person",
    "clip",
    "face",
    "why",
    "looks_like",
    "distance",
    "typical",
    "score",
    "source",
    "seconds",
    "digest",
)
REQUIRED_COLUMNS = ("drop", "person", "clip", "face", "digest")
YES, NO = frozenset({"yes", "y", "x", "1", "true", "drop"}), frozenset({"", "no", "n", "0", "false", "keep"})
_MAX_PROBLEMS = 20
_ADVICE = "give a list that `facegen inspect --review` wrote"


@dataclass(frozen=True)
class MarkedFace:
    """Marked face of a review list: line, person, place in the corpus, and digest of the pixels."""

    line: int
    person: str
    clip: int
    face: int
    digest: str


def review_table(review: Review) -> list[list[str]]:
    """Return one row per finding, in the order of `COLUMNS`; the column drop is empty."""
    return [_row(review, finding) for finding in review.findings]


def write_list(review: Review, path: Path) -> None:
    """Write the list atomically.

    Raises:
        DataError: the file cannot be written.
    """
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(COLUMNS)
    table.writerows(review_table(review))
    write_output(path, text.getvalue().encode())


def write_output(path: Path, content: bytes) -> None:
    """Write a file atomically.

    Raises:
        DataError: the file cannot be written.
    """
    try:
        write_file(path, content)
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror}); give another folder") from None


def read_marked_faces(path: Path) -> list[MarkedFace]:
    """Read the rows of a list that have yes in the column drop.

    Raises:
        DataError: the file is not a review list, or has faulty rows; the error lists all of them.
    """
    try:
        with open_text(path, newline="") as file:
            table = csv.DictReader(file)
            missing = [name for name in REQUIRED_COLUMNS if name not in (table.fieldnames or ())]
            if missing:
                raise DataError(f"{path}: has no column {', '.join(missing)}; {_ADVICE}")
            problems: list[str] = []
            faces = [_marked_face(path, table.line_num, row, problems) for row in table]
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); {_ADVICE}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: is not a CSV table ({error}); save it as CSV in UTF-8") from None
    if problems:
        raise DataError(*problems[:_MAX_PROBLEMS])
    return [face for face in faces if face is not None]


def locate_marked_faces(corpus: Corpus, path: Path, marked: list[MarkedFace]) -> Tensor:
    """Return (faces,) bool, true for the marked faces of a corpus, which are recognised by their digests.

    Raises:
        DataError: marked faces are not in the corpus; the error lists all of them.
    """
    index = corpus.index
    dropped = torch.zeros(corpus.header.num_frames, dtype=torch.bool)
    problems = []
    for face in marked:
        if _is_in_corpus(corpus, face):
            dropped[index.frame_offsets[face.clip] + face.face] = True
        else:
            name = f"clip {face.clip}, face {face.face}, of '{face.person}'"
            problems.append(f"{path}, line {face.line}: {name} is not the face that was listed")
    if problems:
        advice = f"{path}: was made for another corpus, or before it changed; run `facegen inspect --review` again"
        raise DataError(*problems[:_MAX_PROBLEMS], advice)
    return dropped


def _is_in_corpus(corpus: Corpus, face: MarkedFace) -> bool:
    index, names = corpus.index, corpus.header.identities
    if not 0 <= face.clip < corpus.header.num_clips:
        return False
    if not 0 <= face.face < int(index.frame_offsets[face.clip + 1] - index.frame_offsets[face.clip]):
        return False
    name = normalise_name(names[int(index.identity[face.clip])])
    return name == normalise_name(face.person) and face_digest(corpus, face.clip, face.face) == face.digest


def face_digest(corpus: Corpus, clip: int, face: int) -> str:
    """Compute the digest of the pixels of a face."""
    return digest(corpus.faces(torch.tensor([clip]), torch.tensor([face])).numpy()).hex()


def _row(review: Review, finding: Finding) -> list[str]:
    corpus, rows, row = review.corpus, review.rows, finding.row
    clip, face = int(rows.clip[row]), int(rows.frame[row])
    names = corpus.header.identities
    return [
        "", names[int(rows.person[row])], str(clip), str(face), "; ".join(finding.why),
        "" if finding.like is None else names[finding.like],
        "" if finding.distance is None else f"{finding.distance:.4f}",
        "" if finding.typical is None else f"{finding.typical:.4f}", f"{finding.score:.2f}",
        clip_source(corpus, clip), face_seconds(corpus, row), face_digest(corpus, clip, face),
    ]  # fmt: skip


def clip_source(corpus: Corpus, clip: int) -> str:
    """Return the name of a clip, or else its source; empty if the corpus stores neither."""
    strings = corpus.index.strings
    values = [strings[name].at(torch.tensor([clip]))[0] for name in ("name", "source") if name in strings]
    return next(filter(None, values), "")


def face_seconds(corpus: Corpus, row: int) -> str:
    """Return the time of a face in its track, in seconds; empty if unknown."""
    samples = int(corpus.index.frame_time_samples[row])
    return "" if samples < 0 else f"{samples / corpus.header.sample_rate_hz:.2f}"


def _marked_face(path: Path, line: int, row: dict[str, str], problems: list[str]) -> MarkedFace | None:
    mark = (row.get("drop") or "").strip().lower()
    if mark in NO:
        return None
    if mark not in YES:
        problems.append(f"{path}, line {line}: drop = '{mark}': must be yes, or empty")
        return None
    try:
        return MarkedFace(line, row["person"], int(row["clip"]), int(row["face"]), row["digest"].strip())
    except (TypeError, ValueError, AttributeError):
        problems.append(f"{path}, line {line}: clip and face must be whole numbers")
        return None
