"""List of sources: the people to collect and their videos, checked before anything is downloaded."""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from facegen.collect.sources.csv_rows import PersonRow, SegmentRow, read_csv_rows
from facegen.collect.sources.toml_rows import read_toml_rows
from facegen.collect.video.examination import Segment
from facegen.core.text.names import normalise_name

ID_CHARACTERS = 20
YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{11}")
CHANNEL_WITHOUT_TAB = re.compile(r"https?://(www\.|m\.)?youtube\.com/(@[^/?#]+|(channel|c|user)/[^/?#]+)/?")
SEXES = {"f": "female", "female": "female", "0": "female", "m": "male", "male": "male", "1": "male", "": ""}


@dataclass(frozen=True)
class Person:
    """Person of a list of sources.

    Attributes:
        name: name in the corpus.
        consent: text of the consent; empty if none is recorded.
        licence: licence of their videos.
        sex: "female", "male", or empty if unknown.
        language: spoken language; empty if unknown.
    """

    name: str
    consent: str = ""
    licence: str = ""
    sex: str = ""
    language: str = ""


@dataclass(frozen=True)
class Source:
    """Video or channel of a person.

    Attributes:
        person: name of the person.
        kind: "channel", "url" or "file".
        address: URL, or absolute path of a file.
        as_written: the address as the list of sources has it; the corpus stores this text.
        last: number of a channel's newest videos; 0 for a video.
        segment: part of the video; None for the whole video.
        where: file and line, for messages.
    """

    person: str
    kind: Literal["channel", "url", "file"]
    address: str
    as_written: str
    last: int = 0
    segment: Segment | None = None
    where: str = field(default="", compare=False)

    @property
    def id(self) -> str:
        """Id in a collection: a hash, so that no name or address can form a path outside its folder."""
        return source_id(self.person, self.address, self.segment)


def source_id(person: str, address: str, segment: Segment | None) -> str:
    """Return the hash of person, address and segment, 20 hexadecimal digits."""
    part = "" if segment is None else f"{segment.start_seconds!r} {segment.end_seconds!r} {segment.centre!r}"
    key = "\0".join((person, address, part)).encode("utf-8", "surrogatepass")
    return hashlib.sha256(key).hexdigest()[:ID_CHARACTERS]


@dataclass(frozen=True)
class SourceList:
    """Checked list of sources.

    Attributes:
        path: the file.
        people: {name: person}, in the order of the file.
        sources: {id: video or channel}, in the order of the file.
        tables: tables of settings, not yet checked; empty for CSV.
    """

    path: Path
    people: dict[str, Person]
    sources: dict[str, Source]
    tables: dict[str, Any] = field(default_factory=dict)


def read_sources(path: Path, problems: list[str], *, require_consent: bool = False) -> SourceList:
    """Read a list of sources: a TOML file, or a CSV table of people or of segments.

    Args:
        path: the file.
        problems: receives the faults of single rows; such rows are left out.
        require_consent: a person without a recorded consent is a fault.
    Raises:
        DataError: the file cannot be read.
    """
    tables: dict[str, Any] = {}
    segments: list[SegmentRow] = []
    before = len(problems)
    if path.suffix.lower() == ".csv":
        rows, segments = read_csv_rows(path, problems)
    else:
        rows, tables = read_toml_rows(path, problems)
    sources = SourceList(path, {}, {}, tables)
    for row in rows:
        _add_person(sources, row, problems)
    for segment in segments:
        _add_segment(sources, segment, problems)
    _refuse_shared_videos(sources, problems)
    if not rows and not segments and len(problems) == before:
        problems.append(f"{path}: lists no person; add a [[person]] with name, and channel or videos")
    if require_consent:
        problems += [
            f"{path}: '{person.name}' has no consent, which --require-consent requires; set consent, or remove the "
            f"person"
            for person in sources.people.values()
            if not person.consent
        ]
    return sources


def _add_person(sources: SourceList, row: PersonRow, problems: list[str]) -> None:
    table = row.table
    sex = SEXES.get(table.sex.strip().lower())
    if sex is None:
        problems.append(f"{row.where} sex = '{table.sex}': must be f, female, m or male; omit it if unknown")
    person = Person(table.name, table.consent.strip(), table.licence.strip(), sex or "", table.language.strip())
    earlier = sources.people.setdefault(person.name, person)
    for key, value in vars(person).items():
        before = getattr(earlier, key)
        if before != value:
            problems.append(f"{row.where} {key} = '{value}': an earlier row of '{person.name}' has '{before}'")
    if not table.channel and not table.videos:
        problems.append(f"{row.where} has neither channel nor videos; add one of them")
    if table.channel:
        _add_channel(sources, row, problems)
    for address in table.videos:
        source = _video(sources.path, person.name, address, row.where, problems)
        if source is not None:
            _add(sources, source)


def _add_channel(sources: SourceList, row: PersonRow, problems: list[str]) -> None:
    channel = row.table.channel
    if not _is_url(channel):
        problems.append(
            f"{row.where} channel = '{channel}': must be a URL with http:// or https://; list files in videos"
        )
        return
    # The address of a YouTube channel without a tab lists its tabs (videos, shorts, live), not its videos.
    address = f"{channel.rstrip('/')}/videos" if CHANNEL_WITHOUT_TAB.fullmatch(channel) else channel
    _add(sources, Source(row.table.name, "channel", address, channel, last=row.table.last, where=row.where))


def _add_segment(sources: SourceList, row: SegmentRow, problems: list[str]) -> None:
    is_id = YOUTUBE_ID.fullmatch(row.video) is not None and not (sources.path.parent / row.video).exists()
    address = f"https://www.youtube.com/watch?v={row.video}" if is_id else row.video
    stem = row.video if is_id else Path(row.video).stem or row.video
    part = row.segment
    name = normalise_name(f"{stem}_{part.start_seconds:g}-{part.end_seconds:g}")
    source = _video(sources.path, name, address, row.where, problems, part)
    if source is not None:
        sources.people[name] = Person(name)
        _add(sources, source)


def _video(
    path: Path, person: str, address: str, where: str, problems: list[str], segment: Segment | None = None
) -> Source | None:
    if _is_url(address):
        return Source(person, "url", address, address, segment=segment, where=where)
    scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", address)
    if scheme or "\0" in address or not address.strip():
        problems.append(f"{where} videos = '{address}': must be a URL with http:// or https://, or the path of a file")
        return None
    file = (path.parent / address).absolute()
    if file.is_dir():
        problems.append(f"{where} videos = '{address}': is a folder; list the files in it")
        return None
    return Source(person, "file", str(file), address, segment=segment, where=where)


def _add(sources: SourceList, source: Source) -> None:
    sources.sources.setdefault(source.id, source)


def _refuse_shared_videos(sources: SourceList, problems: list[str]) -> None:
    """Refuse a whole video that is listed for two people: the faces of one would be paired with the other's voice."""
    first: dict[str, Source] = {}
    for source in sources.sources.values():
        earlier = first.setdefault(source.address, source)
        if earlier.person != source.person and (source.segment is None or earlier.segment is None):
            problems.append(
                f"{source.where} '{source.as_written}' is listed for '{source.person}' and for '{earlier.person}'; a "
                f"video belongs to one person"
            )


def _is_url(address: str) -> bool:
    """Tell whether an address has a host; one without would be tried again and again."""
    try:
        return address.startswith(("http://", "https://")) and bool(urlsplit(address).hostname)
    except ValueError:  # a bracket that is not closed
        return False
