"""The review list as a table: what was found, and, once somebody has marked it, what is to be dropped."""

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
NEEDED = ("drop", "person", "clip", "face", "digest")
YES, NO = frozenset({"yes", "y", "x", "1", "true", "drop"}), frozenset({"", "no", "n", "0", "false", "keep"})
_MOST_PROBLEMS = 20
_ADVICE = "give a list that `facegen inspect --review` wrote"


@dataclass(frozen=True)
class Marked:
    """A face that somebody wants dropped: its place in the corpus, whose it is said to be, and its digest."""

    line: int
    person: str
    clip: int
    face: int
    digest: str


def table_of(review: Review) -> list[list[str]]:
    """A row a finding, in the order of `COLUMNS`; `drop` is left to whoever looks."""
    return [_row(review, finding) for finding in review.findings]


def write_list(review: Review, path: Path) -> None:
    """Write the list; a reader sees the old one or the new one.

    Raises:
        DataError: it cannot be written.
    """
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(COLUMNS)
    table.writerows(table_of(review))
    write_whole(path, text.getvalue().encode())


def write_whole(path: Path, content: bytes) -> None:
    """Write a file in place of an old one, at once.

    Raises:
        DataError: it cannot be written.
    """
    try:
        write_file(path, content)
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror}); give another folder") from None


def read_marked(path: Path) -> list[Marked]:
    """The rows of a list whose `drop` says yes.

    Raises:
        DataError: it is no review list, or a row says something else; every such row.
    """
    try:
        with open_text(path, newline="") as file:
            table = csv.DictReader(file)
            missing = [name for name in NEEDED if name not in (table.fieldnames or ())]
            if missing:
                raise DataError(f"{path}: has no column {', '.join(missing)}; {_ADVICE}")
            problems: list[str] = []
            found = [_marked(path, table.line_num, row, problems) for row in table]
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); {_ADVICE}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: is no table of text ({error}); save it as CSV in UTF-8") from None
    if problems:
        raise DataError(*problems[:_MOST_PROBLEMS])
    return [each for each in found if each is not None]


def find_marked(corpus: Corpus, path: Path, marked: list[Marked]) -> Tensor:
    """(faces,) bool of the marked ones, each compared with the corpus by its digest, so that no other is taken for it.

    Raises:
        DataError: a row names what is not, or no longer, in the corpus; every such row.
    """
    index = corpus.index
    dropped = torch.zeros(corpus.header.num_frames, dtype=torch.bool)
    problems = []
    for each in marked:
        if _is_there(corpus, each):
            dropped[index.frame_offsets[each.clip] + each.face] = True
        else:
            which = f"clip {each.clip}, face {each.face}, of '{each.person}'"
            problems.append(f"{path}, line {each.line}: {which} is not the face that was listed")
    if problems:
        advice = f"{path}: was made of another corpus, or before it changed; call `facegen inspect --review` again"
        raise DataError(*problems[:_MOST_PROBLEMS], advice)
    return dropped


def _is_there(corpus: Corpus, face: Marked) -> bool:
    index, names = corpus.index, corpus.header.identities
    if not 0 <= face.clip < corpus.header.num_clips:
        return False
    if not 0 <= face.face < int(index.frame_offsets[face.clip + 1] - index.frame_offsets[face.clip]):
        return False
    whose = normalise_name(names[int(index.identity[face.clip])])
    return whose == normalise_name(face.person) and digest_of(corpus, face.clip, face.face) == face.digest


def digest_of(corpus: Corpus, clip: int, face: int) -> str:
    """Of the pixels of a face."""
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
        source_of(corpus, clip), parse_seconds(corpus, row), digest_of(corpus, clip, face),
    ]  # fmt: skip


def source_of(corpus: Corpus, clip: int) -> str:
    """Where a clip came from, as the corpus says."""
    strings = corpus.index.strings
    said = [strings[name].at(torch.tensor([clip]))[0] for name in ("name", "source") if name in strings]
    return next(filter(None, said), "")


def parse_seconds(corpus: Corpus, row: int) -> str:
    """The moment of a face in its track; empty where unknown."""
    samples = int(corpus.index.frame_time_samples[row])
    return "" if samples < 0 else f"{samples / corpus.header.sample_rate_hz:.2f}"


def _marked(path: Path, line: int, row: dict[str, str], problems: list[str]) -> Marked | None:
    said = (row.get("drop") or "").strip().lower()
    if said in NO:
        return None
    if said not in YES:
        problems.append(f"{path}, line {line}: drop = '{said}': must be yes, or empty")
        return None
    try:
        return Marked(line, row["person"], int(row["clip"]), int(row["face"]), row["digest"].strip())
    except (TypeError, ValueError, AttributeError):
        problems.append(f"{path}, line {line}: clip and face must be whole numbers")
        return None
