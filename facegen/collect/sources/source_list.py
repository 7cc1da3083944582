"""Who is to be collected, and from where: what a list of sources says, checked in full before anything is fetched."""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

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
    """What is said about one person.

    Attributes:
        name: by which the person goes in the corpus.
        consent: what was agreed to; empty where nothing is said.
        licence: of their videos.
        sex: "female", "male", or empty where unknown.
        language: that they speak.
    """

    name: str
    consent: str = ""
    licence: str = ""
    sex: str = ""
    language: str = ""


@dataclass(frozen=True)
class Source:
    """One video of a person, or a channel with several.

    Attributes:
        person: whose it is.
        kind: "channel", "url" or "file".
        address: a URL, or the absolute path of a file.
        said: the same as the list of sources writes it: what a corpus keeps as its source.
        last: of a channel, how many of its newest videos.
        segment: the part of a video that is meant, or None for all of it.
        where: file and line, for messages.
    """

    person: str
    kind: Literal["channel", "url", "file"]
    address: str
    said: str
    last: int = 0
    segment: Segment | None = None
    where: str = field(default="", compare=False)

    @property
    def id(self) -> str:
        """Names the source in a collection: a hash, so that no name or address can lead out of its folder."""
        return source_id(self.person, self.address, self.segment)


def source_id(person: str, address: str, segment: Segment | None) -> str:
    """Hash of who, where and which part."""
    part = "" if segment is None else f"{segment.start_seconds!r} {segment.end_seconds!r} {segment.centre!r}"
    said = "\0".join((person, address, part)).encode("utf-8", "surrogatepass")
    return hashlib.sha256(said).hexdigest()[:ID_CHARACTERS]


@dataclass(frozen=True)
class SourceList:
    """A checked list of sources.

    Attributes:
        path: the file.
        people: by name, in the order of the file.
        sources: their videos and channels, by id, in the order of the file.
        tables: settings beside them, not yet checked; a CSV has none.
    """

    path: Path
    people: dict[str, Person]
    sources: dict[str, Source]
    tables: dict[str, Any] = field(default_factory=dict)


def read_sources(path: Path, problems: list[str], *, require_consent: bool = False) -> SourceList:
    """Read a list of sources: a TOML file, or a CSV table of people or of segments.

    Args:
        path: the file.
        problems: what is wrong with single rows is added to these, and such a row is left out.
        require_consent: people of whom no consent is recorded are wrong, too.
    Raises:
        DataError: it cannot be read at all.
    """
    tables: dict[str, Any] = {}
    segments: list[SegmentRow] = []
    before = len(problems)
    if path.suffix.lower() == ".csv":
        rows, segments = read_csv_rows(path, problems)
    else:
        rows, tables = read_toml_rows(path, problems)
    found = SourceList(path, {}, {}, tables)
    for row in rows:
        _add_person(found, row, problems)
    for segment in segments:
        _add_segment(found, segment, problems)
    _refuse_shared_videos(found, problems)
    if not rows and not segments and len(problems) == before:
        problems.append(f"{path}: names nobody; add a [[person]] with name, and channel or videos")
    if require_consent:
        problems += [
            f"{path}: '{person.name}' has no consent, which --require-consent asks for; say what was agreed to and "
            f"where it is written, or leave the person out"
            for person in found.people.values()
            if not person.consent
        ]
    return found


def _add_person(found: SourceList, row: PersonRow, problems: list[str]) -> None:
    table = row.table
    sex = SEXES.get(table.sex.strip().lower())
    if sex is None:
        problems.append(f"{row.where} sex = '{table.sex}': must be f, female, m or male; leave it out where unknown")
    person = Person(table.name, table.consent.strip(), table.licence.strip(), sex or "", table.language.strip())
    earlier = found.people.setdefault(person.name, person)
    for key, value in vars(person).items():
        before = getattr(earlier, key)
        if before != value:
            problems.append(f"{row.where} {key} = '{value}': an earlier row of '{person.name}' says '{before}'")
    if not table.channel and not table.videos:
        problems.append(f"{row.where} has neither channel nor videos, so there is nothing to collect")
    if table.channel:
        _add_channel(found, row, problems)
    for said in table.videos:
        source = _video(found.path, person.name, said, row.where, problems)
        if source is not None:
            _add(found, source)


def _add_channel(found: SourceList, row: PersonRow, problems: list[str]) -> None:
    said = row.table.channel
    if not _is_url(said):
        problems.append(f"{row.where} channel = '{said}': must be a URL with http:// or https://; files go to videos")
        return
    # YouTube's bare address lists tabs (videos, shorts, live), not videos.
    address = f"{said.rstrip('/')}/videos" if CHANNEL_WITHOUT_TAB.fullmatch(said) else said
    _add(found, Source(row.table.name, "channel", address, said, last=row.table.last, where=row.where))


def _add_segment(found: SourceList, row: SegmentRow, problems: list[str]) -> None:
    is_id = YOUTUBE_ID.fullmatch(row.video) is not None and not (found.path.parent / row.video).exists()
    said = f"https://www.youtube.com/watch?v={row.video}" if is_id else row.video
    stem = row.video if is_id else Path(row.video).stem or row.video
    part = row.segment
    name = normalise_name(f"{stem}_{part.start_seconds:g}-{part.end_seconds:g}")
    source = _video(found.path, name, said, row.where, problems, part)
    if source is not None:
        found.people[name] = Person(name)
        _add(found, source)


def _video(
    path: Path, person: str, said: str, where: str, problems: list[str], segment: Segment | None = None
) -> Source | None:
    if _is_url(said):
        return Source(person, "url", said, said, segment=segment, where=where)
    scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", said)
    if scheme or "\0" in said or not said.strip():
        problems.append(f"{where} videos = '{said}': must be a URL with http:// or https://, or the path of a file")
        return None
    file = (path.parent / said).absolute()
    if file.is_dir():
        problems.append(f"{where} videos = '{said}': is a folder; name the files in it")
        return None
    return Source(person, "file", str(file), said, segment=segment, where=where)


def _add(found: SourceList, source: Source) -> None:
    found.sources.setdefault(source.id, source)


def _refuse_shared_videos(found: SourceList, problems: list[str]) -> None:
    """A video of two people would put one's face beside the other's voice; segments say whose part is whose."""
    first: dict[str, Source] = {}
    for source in found.sources.values():
        earlier = first.setdefault(source.address, source)
        if earlier.person != source.person and (source.segment is None or earlier.segment is None):
            problems.append(
                f"{source.where} '{source.said}' is given to '{source.person}' and to '{earlier.person}'; a video "
                f"belongs to one person"
            )


def _is_url(said: str) -> bool:
    return said.startswith(("http://", "https://"))
