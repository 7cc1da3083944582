"""Lists of pairs of a voice and a face, as benchmarks publish them."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from facegen.core.errors import DataError
from facegen.core.text.suggest import did_you_mean
from facegen.core.text.text_files import read_text

COLUMNS = ("face", "speech")


@dataclass(frozen=True)
class Pair:
    """A line of a list.

    Attributes:
        line: line of the list.
        id: identifier that the scores repeat.
        speech, face: the files.
    """

    line: int
    id: str
    speech: Path
    face: Path


@dataclass(frozen=True)
class RejectedPair:
    """A line of a list that has no score.

    Attributes:
        line: line of the list.
        id: its identifier; "" if it has none.
        reason: why it has no score.
    """

    line: int
    id: str
    reason: str


def read_pairs(path: Path, root: Path | None = None) -> tuple[list[Pair], list[RejectedPair]]:
    """Read a list of pairs, and the lines that are no pairs.

    Two forms are read. A CSV table has the columns `face`, `speech` and, optionally, `id`. A list of FAME has lines
    `id speech face`, separated by spaces. A pair without an identifier is named by its two paths.

    Args:
        path: the list.
        root: folder of relative paths; that of the list by default.
    Raises:
        DataError: the list cannot be read, is empty, or its header row is wrong.
    """
    try:
        lines = read_text(path).splitlines()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give a list of pairs") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not UTF-8 text (byte {error.start}); save it in UTF-8") from None
    first = next((line for line in lines if line.strip()), None)
    if first is None:
        raise DataError(f"{path}: is empty; give a table with the columns face and speech, or lines `id speech face`")
    rows = _table_rows(path, lines) if "," in first else _plain_rows(lines)
    folder, pairs, rejected, lines_of = root or path.parent, [], [], dict[str, int]()
    for line, cells in rows:
        pair = _pair(line, cells, folder, lines_of)
        if isinstance(pair, Pair):
            lines_of[pair.id] = line
            pairs.append(pair)
        else:
            rejected.append(pair)
    return pairs, rejected


def _table_rows(path: Path, lines: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield line and (id, speech, face) of a CSV table; the cells as they are if their number is wrong."""
    reader = csv.reader(lines, strict=True)
    header: list[str] | None = None
    try:
        for cells in reader:
            cells = [cell.strip() for cell in cells]
            if not any(cells):
                continue
            if header is None:
                header = cells
                _check_header(path, header)
            elif len(cells) != len(header):
                yield reader.line_num, cells
            else:
                row = dict(zip(header, cells, strict=True))
                yield reader.line_num, (row.get("id", f"{row['speech']} {row['face']}"), row["speech"], row["face"])
    except csv.Error as error:
        raise DataError(
            f"{path}: line {reader.line_num}: {error}; check for a quotation mark that is not closed"
        ) from None


def _check_header(path: Path, header: Sequence[str]) -> None:
    problems = [
        f"{path}: header: column '{name}' is missing{did_you_mean(name, header)}"
        for name in COLUMNS
        if name not in header
    ]
    repeated = sorted({name for name in header if header.count(name) > 1})
    problems += [f"{path}: header: column '{name}' occurs {header.count(name)} times; keep one" for name in repeated]
    if problems:
        raise DataError(*problems)


def _plain_rows(lines: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield number, line.split()


def _pair(line: int, cells: Sequence[str], folder: Path, lines_of: dict[str, int]) -> Pair | RejectedPair:
    if len(cells) != 3:
        return RejectedPair(line, cells[0], f"has {len(cells)} fields; give an identifier, a voice and a face")
    name, speech, face = cells
    if not (name and speech and face):
        return RejectedPair(line, name, "has an empty field; give an identifier, a voice and a face")
    if not name.isprintable():
        return RejectedPair(line, "", "has an identifier with characters that cannot be printed")
    if name in lines_of:
        return RejectedPair(line, name, f"repeats the identifier of line {lines_of[name]}")
    return Pair(line, name, folder / speech, folder / face)
