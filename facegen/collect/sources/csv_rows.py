"""Reader of lists of sources in CSV: tables of people, and tables of segments."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from facegen.collect.video.examination import Segment
from facegen.core.errors import DataError
from facegen.core.recipe.settings import check_table
from facegen.core.recipe.tables import Count, Table
from facegen.core.text.names import normalise_name
from facegen.core.text.suggest import did_you_mean
from facegen.core.text.text_files import open_text
from facegen.data.corpus.header import Identity

LAST_VIDEOS = 15
SEPARATOR = ";"
SEGMENT_COLUMNS = ("video", "start", "end", "x", "y")


def _normal(name: object) -> object:
    return normalise_name(name) if isinstance(name, str) else name


class PersonTable(Table):
    """[[person]]: a person to collect, and the sources of their videos.

    Attributes:
        name: name or code of the person in the corpus.
        channel: URL of a channel, a playlist or a feed.
        videos: URLs, or paths of files relative to the list of sources.
        last: number of the channel's newest videos to collect.
        consent: text of the consent, or a reference to it.
        licence: licence of the videos.
        sex: f, female, m or male; empty if unknown.
        language: spoken language.
    """

    name: Annotated[Identity, BeforeValidator(_normal)]
    channel: str = ""
    videos: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    last: Count = LAST_VIDEOS
    consent: str = ""
    licence: str = ""
    sex: str = ""
    language: str = ""


@dataclass(frozen=True)
class PersonRow:
    """Checked table of a person; `where` is its file and line, for messages."""

    table: PersonTable
    where: str


@dataclass(frozen=True)
class SegmentRow:
    """Part of a video in which one face speaks; `where` is its file and line, for messages."""

    video: str
    segment: Segment
    where: str


def read_csv_rows(path: Path, problems: list[str]) -> tuple[list[PersonRow], list[SegmentRow]]:
    """Read a CSV table of people (with a header), or of segments (video, start, end, x, y; the header is optional).

    Faults of single rows are added to `problems`.

    Raises:
        DataError: the file cannot be read.
    """
    lines = _read_lines(path)
    if not lines:
        raise DataError(f"{path}: is empty; its first line must name the columns: name, channel, videos, ...")
    header = [cell.strip().lower() for cell in lines[0][1]]
    if "name" in header:
        return _person_rows(path, header, lines[1:], problems), []
    has_header = header[0].replace(" ", "_") in ("video", "video_id", "id", "youtube_id")
    if len(header) == len(SEGMENT_COLUMNS) and (has_header or _is_number(header[1])):
        return [], _segment_rows(path, lines[1:] if has_header else lines, problems)
    raise DataError(
        f"{path}: its first line is {','.join(lines[0][1])!r}: must name the columns (name, and channel or videos), or "
        f"be a row of segments: video, start, end, x, y"
    )


def _person_rows(
    path: Path, header: Sequence[str], lines: Sequence[tuple[int, list[str]]], problems: list[str]
) -> list[PersonRow]:
    known = list(PersonTable.model_fields)
    for name in header:
        if name not in known:
            problems.append(f"{path}:1: column '{name}' is unknown{did_you_mean(name, known)}")
    if len(set(header)) < len(header):
        problems.append(f"{path}:1: the header names a column twice; remove one of them")
    rows = []
    for number, cells in lines:
        if len(cells) != len(header):
            problems.append(
                f"{path}:{number}: has {len(cells)} cells, but the header has {len(header)}; put cells that hold a "
                f"comma in quotes"
            )
            continue
        filled = {name: cell.strip() for name, cell in zip(header, cells, strict=True) if cell.strip()}
        entry: dict[str, Any] = {name: value for name, value in filled.items() if name in known}
        if "videos" in entry:
            entry["videos"] = [video.strip() for video in entry["videos"].split(SEPARATOR) if video.strip()]
        if entry.get("last", "").isdecimal():
            entry["last"] = int(entry["last"])
        where = f"{path}:{number}:" + (f" '{entry['name']}'" if "name" in entry else "")
        checked, wrong = check_table(PersonTable, entry)
        problems += [f"{where} {problem}" for problem in wrong]
        if isinstance(checked, PersonTable):
            rows.append(PersonRow(checked, where))
    return rows


def _segment_rows(path: Path, lines: Sequence[tuple[int, list[str]]], problems: list[str]) -> list[SegmentRow]:
    rows = []
    for number, cells in lines:
        where = f"{path}:{number}:"
        if len(cells) != len(SEGMENT_COLUMNS):
            problems.append(f"{where} has {len(cells)} cells: must be {', '.join(SEGMENT_COLUMNS)}")
            continue
        video, *texts = (cell.strip() for cell in cells)
        if not video or not all(map(_is_number, texts)):
            problems.append(f"{where} {','.join(cells)}: must be a video and four numbers: start, end, x, y")
            continue
        start, end, x, y = map(float, texts)
        if not 0 <= start < end:
            problems.append(f"{where} start = {start:g}, end = {end:g}: must be seconds, the end after the start")
        elif not (0 <= x <= 1 and 0 <= y <= 1):
            problems.append(f"{where} x = {x:g}, y = {y:g}: must be shares of width and height, from 0 to 1")
        else:
            rows.append(SegmentRow(video, Segment(start, end, (x, y)), where))
    return rows


def _read_lines(path: Path) -> list[tuple[int, list[str]]]:
    lines = []
    try:
        with open_text(path, newline="") as file:
            reader = csv.reader(file)
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    lines.append((reader.line_num, cells))
    except FileNotFoundError:
        raise DataError(f"{path}: does not exist; give a list of sources in TOML or CSV") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give a list of sources in TOML or CSV") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not UTF-8 text (byte {error.start}); save it as CSV in UTF-8") from None
    except csv.Error as error:
        raise DataError(f"{path}: line {reader.line_num}: {error}; look for a quote that is not closed") from None
    return lines


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
