"""Importer of a CSV table of faces and speech; rows are checked one by one."""

import csv
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from facegen.core.errors import DataError
from facegen.core.text.names import normalise_name
from facegen.core.text.shown import cut
from facegen.core.text.suggest import did_you_mean
from facegen.core.text.text_files import open_text
from facegen.data.corpus.header import MAX_IDENTITY_CHARACTERS
from facegen.data.importers.clip_requests import ClipRequest, FaceRequest, ImportRequests, Reject

REQUIRED = ("identity", "face")
FOR_ALL_OR_NONE = ("speech", "caption", "embedding")
"""Columns that must be filled in all rows or in none, because a batch needs them for every row."""
OPTIONAL = ("sex", "video", "time", "consent", "source", "licence", "language")
MAX_COLUMNS = 1000
MAX_SECONDS = 1e7
"""Largest time of a face; a third of a year, and far below the largest number of samples."""
SEXES = {"f": 0, "female": 0, "0": 0, "m": 1, "male": 1, "1": 1, "": -1}

Row = Mapping[str, str]


def read_pairs(path: Path) -> ImportRequests:
    """Read a table of pairs: columns identity and face; speech, caption, embedding, sex, video, time, consent, source,
    licence, language.

    Raises:
        DataError: the table cannot be read, or its header row is wrong.
    """
    lines = _read_lines(path)
    known = {*REQUIRED, *FOR_ALL_OR_NONE, *OPTIONAL}
    # Spreadsheets and people write Identity; other columns keep their spelling, by which they are reported.
    header = [name.lower() if name.lower() in known else name for name in map(str.strip, lines[0][1])]
    _check_header(path, header)
    rows: list[tuple[int, Row]] = []
    rejects: list[Reject] = []
    for number, cells in lines[1:]:
        if len(cells) != len(header):
            detail = f"{len(cells)} cells, but the header has {len(header)}; put cells that contain commas in quotes"
            rejects.append(Reject(number, "", "differs in its number of cells from the header", detail))
            continue
        cell_of = dict(zip(header, (cell.strip() for cell in cells), strict=True))
        cell_of["identity"] = normalise_name(cell_of["identity"])
        rows.append((number, {name: cell_of.get(name, "") for name in known}))
    used = [name for name in FOR_ALL_OR_NONE if any(row[name] for _, row in rows)]
    clips: dict[ClipRequest, ClipRequest] = {}
    for number, row in rows:
        reject = check_row(number, row, used)
        if reject is not None:
            rejects.append(reject)
            continue
        clip = _clip(path.parent, number, row)
        # Rows without speech are separate clips.
        key = replace(clip, faces=(), name="" if clip.speech else str(number))
        clips[key] = replace(clip, faces=(*clips[key].faces, *clip.faces)) if key in clips else clip
    ignored = [name for name in header if name not in known]
    return ImportRequests(list(clips.values()), len(lines) - 1, rejects, ignored)


def _read_lines(path: Path) -> list[tuple[int, list[str]]]:
    """Read (line number, cells) of all lines that are not empty."""
    lines = []
    try:
        with open_text(path, newline="") as file:
            reader = csv.reader(file)
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    lines.append((reader.line_num, cells))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give a CSV file of pairs") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not UTF-8 text (byte {error.start}); save it as CSV in UTF-8") from None
    except csv.Error as error:
        raise DataError(
            f"{path}: line {reader.line_num}: {error}; check for a quotation mark that is not closed"
        ) from None
    if not lines:
        raise DataError(f"{path}: is empty; its first line must name the columns: {', '.join(REQUIRED)}, speech, ...")
    return lines


def _check_header(path: Path, header: Sequence[str]) -> None:
    problems = []
    if len(header) > MAX_COLUMNS:
        raise DataError(f"{path}: header: has {len(header):,} columns; at most {MAX_COLUMNS:,} are allowed")
    for name in REQUIRED:
        if name not in header:
            problems.append(f"{path}: header: column '{name}' is missing{did_you_mean(name, header)}")
    for name, count in sorted(Counter(header).items()):
        if count > 1:
            problems.append(f"{path}: header: column '{name}' occurs {count} times; keep one")
    if problems and len(header) == 1 and any(mark in header[0] for mark in ";\t"):
        problems.append(f"{path}: header: cells are not separated by commas; save the table with commas")
    if problems:
        raise DataError(*problems)


def check_row(line: int, row: Row, used: Sequence[str]) -> Reject | None:
    """Check the values of a row; return its rejection, or None.

    Args:
        line: line of the importer's table.
        row: {column: cell} with all columns of `read_pairs`; empty cells are unknown.
        used: the columns of `FOR_ALL_OR_NONE` that at least one row fills.
    """
    identity = row["identity"]
    reject = check_identity(line, identity)
    if reject is not None:
        return reject
    if not row["face"]:
        return Reject(line, identity, "has no face", "give the path of an image")
    for name in used:
        if not row[name]:
            detail = f"fill it in every row, or remove the column '{name}'"
            return Reject(line, identity, f"has no {name}, which other rows have", detail)
    if row["sex"].lower() not in SEXES:
        detail = f"sex = '{cut(row['sex'])}': f, m, female, male, 0 (f), 1 (m) or empty"
        return Reject(line, identity, "has an unknown sex", detail)
    if row["time"] and parse_seconds(row["time"]) is None:
        detail = f"time = '{cut(row['time'])}': seconds from 0 to {MAX_SECONDS:,.0f}, or empty"
        return Reject(line, identity, "has an unusable time", detail)
    return None


def check_identity(line: int, identity: str) -> Reject | None:
    """Check the name of a person; return the rejection of its row, or None."""
    if not identity:
        return Reject(line, identity, "has no identity", "give the name of the person, always spelled the same")
    if len(identity) > MAX_IDENTITY_CHARACTERS or not identity.isprintable():
        detail = f"a name may have at most {MAX_IDENTITY_CHARACTERS} characters, all printable"
        return Reject(line, identity[:MAX_IDENTITY_CHARACTERS], "has an unusable identity", detail)
    return None


def _clip(folder: Path, line: int, row: Row) -> ClipRequest:
    face = FaceRequest(line, _file(folder, row["face"]), parse_seconds(row["time"]))
    name = Path(os.path.normpath(row["speech"] or row["face"])).as_posix()
    sex = SEXES[row["sex"].lower()]
    return ClipRequest(
        identity=row["identity"],
        utterance=row["video"] or name,
        name=name,
        faces=(face,),
        speech=_file(folder, row["speech"]) if row["speech"] else None,
        embedding=_file(folder, row["embedding"]) if row["embedding"] else None,
        attributes=(("sex", sex),) if sex >= 0 else (),
        caption=row["caption"],
        consent=row["consent"],
        source=row["source"],
        licence=row["licence"],
        language=row["language"],
    )


def _file(folder: Path, cell: str) -> Path:
    # Normalised, so that two spellings of one path count as one file; links are not followed.
    return Path(os.path.normpath(folder / cell))


def parse_seconds(cell: str) -> float | None:
    """Parse a time in seconds; None if the cell is not a number from 0 to MAX_SECONDS."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if 0 <= value <= MAX_SECONDS else None
