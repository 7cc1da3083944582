"""A CSV table of faces and speech, read and checked row by row."""

import csv
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from facegen.core.errors import DataError
from facegen.core.text.names import normalise_name
from facegen.core.text.suggest import did_you_mean
from facegen.core.text.text_files import open_text
from facegen.data.corpus.header import MAX_IDENTITY_CHARACTERS
from facegen.data.importers.clip_requests import ClipRequest, FaceRequest, ImportRequests, Reject

REQUIRED = ("identity", "face")
FOR_ALL_OR_NONE = ("speech", "caption", "embedding")
"""A column that is filled in some rows must be filled in all, or a batch could not be."""
OPTIONAL = ("sex", "video", "time", "consent", "source", "licence", "language")
SEXES = {"f": 0, "female": 0, "0": 0, "m": 1, "male": 1, "1": 1, "": -1}

Row = Mapping[str, str]


def read_pairs(path: Path) -> ImportRequests:
    """Read a table of pairs: columns identity and face; speech, caption, embedding, sex, video, time, consent, source,
    licence, language.

    Raises:
        DataError: it cannot be read, or its header is wrong.
    """
    lines = _read_lines(path)
    header = [name.strip() for name in lines[0][1]]
    _check_header(path, header)
    known = {*REQUIRED, *FOR_ALL_OR_NONE, *OPTIONAL}
    rows: list[tuple[int, Row]] = []
    rejects: list[Reject] = []
    for number, cells in lines[1:]:
        if len(cells) != len(header):
            detail = f"{len(cells)} cells, but the header has {len(header)}; put cells that hold a comma in quotes"
            rejects.append(Reject(number, "", "has another number of cells than the header", detail))
            continue
        named = dict(zip(header, (cell.strip() for cell in cells), strict=True))
        named["identity"] = normalise_name(named["identity"])
        rows.append((number, {name: named.get(name, "") for name in known}))
    used = [name for name in FOR_ALL_OR_NONE if any(row[name] for _, row in rows)]
    clips: dict[ClipRequest, ClipRequest] = {}
    for number, row in rows:
        reject = check_row(number, row, used)
        if reject is not None:
            rejects.append(reject)
            continue
        clip = _clip(path.parent, number, row)
        # Without speech to share, every row is a clip of its own.
        key = replace(clip, faces=(), name="" if clip.speech else str(number))
        clips[key] = replace(clip, faces=(*clips[key].faces, *clip.faces)) if key in clips else clip
    ignored = [name for name in header if name not in known]
    return ImportRequests(list(clips.values()), len(lines) - 1, rejects, ignored)


def _read_lines(path: Path) -> list[tuple[int, list[str]]]:
    """(line number, cells) of all lines that are not empty."""
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
        raise DataError(f"{path}: is no UTF-8 text (byte {error.start}); save it as CSV in UTF-8") from None
    except csv.Error as error:
        raise DataError(f"{path}: line {reader.line_num}: {error}; look for a quote that is not closed") from None
    if not lines:
        raise DataError(f"{path}: is empty; its first line must name the columns: {', '.join(REQUIRED)}, speech, ...")
    return lines


def _check_header(path: Path, header: Sequence[str]) -> None:
    problems = []
    for name in REQUIRED:
        if name not in header:
            problems.append(f"{path}: header: column '{name}' is missing{did_you_mean(name, header)}")
    for name in sorted({name for name in header if header.count(name) > 1}):
        problems.append(f"{path}: header: column '{name}' stands there {header.count(name)} times; keep one")
    if problems and len(header) == 1 and any(mark in header[0] for mark in ";\t"):
        problems.append(f"{path}: header: cells are not separated by commas; save it with commas")
    if problems:
        raise DataError(*problems)


def check_row(line: int, row: Row, used: Sequence[str]) -> Reject | None:
    """Why a row cannot be used by what it says, or None.

    Args:
        line: where the importer's table names it.
        row: {column: cell} with all columns of `read_pairs`, empty where nothing is said.
        used: the columns of `FOR_ALL_OR_NONE` that some row fills.
    """
    who = row["identity"]
    unusable = check_identity(line, who)
    if unusable is not None:
        return unusable
    if not row["face"]:
        return Reject(line, who, "has no face", "name a picture")
    for name in used:
        if not row[name]:
            detail = f"fill it in everywhere, or leave the column '{name}' out"
            return Reject(line, who, f"has no {name}, which other rows have", detail)
    if row["sex"].lower() not in SEXES:
        detail = f"sex = '{row['sex']}': f, m, female, male, 0 (f), 1 (m) or empty"
        return Reject(line, who, "has an unknown sex", detail)
    if row["time"] and parse_seconds(row["time"]) is None:
        return Reject(line, who, "has an unusable time", f"time = '{row['time']}': seconds, 0 or more, or empty")
    return None


def check_identity(line: int, who: str) -> Reject | None:
    """Why a name cannot be used, or None."""
    if not who:
        return Reject(line, who, "has no identity", "write who it is, by any name that is the same for the same person")
    if len(who) > MAX_IDENTITY_CHARACTERS or not who.isprintable():
        detail = f"a name has at most {MAX_IDENTITY_CHARACTERS} characters, all of them printable"
        return Reject(line, who[:MAX_IDENTITY_CHARACTERS], "has an unusable identity", detail)
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
    # The same file under two spellings must be one, without following links.
    return Path(os.path.normpath(folder / cell))


def parse_seconds(cell: str) -> float | None:
    """A moment in seconds, or None where a cell names none."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None
