"""Importer of WebDataset tar shards; samples are files that share a key, and are read without unpacking."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from facegen.core.text.names import normalise_name
from facegen.data.importers.archive import DamagedArchiveError, Member, UnusableMember, list_members
from facegen.data.importers.clip_requests import ClipRequest, FaceRequest, ImportRequests, Reject
from facegen.data.importers.folder import AUDIO_EXTENSIONS, IMAGE_EXTENSIONS
from facegen.data.importers.table import FOR_ALL_OR_NONE, OPTIONAL, REQUIRED, SEXES, Row, check_row, parse_seconds

IMAGE, AUDIO = "IMAGE", "AUDIO"
"""Kinds of files; in capitals, as other kinds are extensions in lower case."""
MAX_BYTES = {IMAGE: 2**28, AUDIO: 2**33, "json": 2**20, "npy": 2**20}
"""Size limit of a member, in bytes; a larger member is not read."""
TEXTS = ("identity", "caption", "sex", "video", "consent", "source", "licence", "language")
KEYS = frozenset({*TEXTS, "time", "times", "boxes", "name", "utterance", "image_pixels", "sample_rate_hz"})


@dataclass
class Sample:
    """Files of an archive that share a key.

    Attributes:
        line: running number of the sample over all archives.
        place: archive and key, for messages.
        key: the common part of the file names.
        images, audio_files, jsons, vectors, others: the files by kind, in the order of the archive.
    """

    line: int
    place: str
    key: str
    images: list[Member] = field(default_factory=list)
    audio_files: list[Member] = field(default_factory=list)
    jsons: list[Member] = field(default_factory=list)
    vectors: list[Member] = field(default_factory=list)
    others: list[Member] = field(default_factory=list)


@dataclass(frozen=True)
class _ParsedSample:
    """A sample with its metadata: as a row of a table, the values of its JSON file, and a time per image."""

    sample: Sample
    row: Row
    values: Mapping[str, Any]
    times: tuple[float | None, ...]


def read_shards(paths: Sequence[Path]) -> ImportRequests:
    """Request the samples of tar shards: `KEY.jpg`, `KEY.wav`, `KEY.json` and so on; further images are `KEY.1.jpg`.

    The keys of the JSON file are the columns of `table.read_pairs`, `times` with a time per image, and the additions of
    `export_shards`. A damaged archive is read up to the damage.

    Args:
        paths: the archives, in order.
    """
    rejects: list[Reject] = []
    samples: list[_ParsedSample] = []
    ignored: dict[str, None] = {}
    for sample in _samples(paths, rejects):
        parsed = _parse(sample)
        if isinstance(parsed, Reject):
            rejects.append(parsed)
            continue
        samples.append(parsed)
        ignored.update(dict.fromkeys(key for key in parsed.values if key not in KEYS))
        ignored.update(dict.fromkeys(f".{_kind(member)}" for member in sample.others))
    used = [name for name in FOR_ALL_OR_NONE if any(parsed.row[name] for parsed in samples)]
    clips = []
    for parsed in samples:
        reject = check_row(parsed.sample.line, parsed.row, used)
        if reject is not None:
            detail = f"{parsed.sample.place}: {reject.detail}"
            rejects.append(Reject(reject.line, reject.identity, reject.reason, detail))
            continue
        clips.append(_clip(parsed))
    num_rows = sum(len(clip.faces) for clip in clips) + len(rejects)
    first = samples[0].values if samples else {}
    return ImportRequests(
        clips,
        num_rows,
        rejects,
        list(ignored),
        _within(first.get("image_pixels"), 16, 1024),
        _within(first.get("sample_rate_hz"), 4000, 96000),
    )


def _samples(paths: Sequence[Path], rejects: list[Reject]) -> Iterator[Sample]:
    line = 0
    for path in paths:
        samples: dict[str, Sample] = {}
        try:
            for member in list_members(path):
                unusable = member if isinstance(member, UnusableMember) else _too_large(member)
                if unusable is not None:
                    line += 1
                    rejects.append(Reject(line, "", unusable.reason, f"{path}: {unusable.detail}"))
                elif isinstance(member, Member):
                    folder, _, name = member.name.rpartition("/")
                    key = f"{folder}/{name.partition('.')[0]}" if folder else name.partition(".")[0]
                    if key not in samples:
                        line += 1
                        samples[key] = Sample(line, f"{path}: {key}", key)
                    _list_of(samples[key], member).append(member)
        except DamagedArchiveError as error:
            line += 1
            detail = f"{path}: {error}; the samples before the damage were used; copy it again, or decompress it first"
            rejects.append(Reject(line, "", "is damaged, or is not a tar archive", detail))
        yield from samples.values()


def _kind(member: Member) -> str:
    extension = member.name.rpartition(".")[2].lower()
    return IMAGE if extension in IMAGE_EXTENSIONS else AUDIO if extension in AUDIO_EXTENSIONS else extension


def _list_of(sample: Sample, member: Member) -> list[Member]:
    lists = {IMAGE: sample.images, AUDIO: sample.audio_files, "json": sample.jsons, "npy": sample.vectors}
    return lists.get(_kind(member), sample.others)


def _too_large(member: Member) -> UnusableMember | None:
    limit = MAX_BYTES.get(_kind(member))
    if limit is None or member.size <= limit:
        return None
    detail = f"'{member.name}': {member.size} bytes; at most {limit} are allowed"
    return UnusableMember(member.name, "has a member that is too large", detail)


def _parse(sample: Sample) -> _ParsedSample | Reject:
    for members in (sample.audio_files, sample.jsons, sample.vectors):
        if len(members) > 1:
            names = ", ".join(member.name for member in members)
            return Reject(sample.line, "", "has two files of one kind", f"{sample.place}: {names}; keep one")
    values: Any = {}
    if sample.jsons:
        try:
            with sample.jsons[0].open() as file:
                values = json.loads(file.read())
        except (ValueError, RecursionError, OSError) as error:
            return Reject(sample.line, "", "has a JSON file that cannot be read", f"{sample.jsons[0]}: {error}")
        if not isinstance(values, dict):
            return Reject(sample.line, "", "has a JSON file that is not an object", f"{sample.jsons[0]}: write {{...}}")
    row = {name: "" for name in (*REQUIRED, *FOR_ALL_OR_NONE, *OPTIONAL)}
    for key in TEXTS:
        value = values.get(key)
        if isinstance(value, bool | dict | list | float):
            return Reject(
                sample.line, "", f"has an unusable {key}", f"{sample.place}: {key} = {value!r}: must be a string"
            )
        row[key] = "" if value is None else str(value)
    row["identity"] = normalise_name(row["identity"])
    times = _times(values, len(sample.images))
    if times is None:
        detail = f"{sample.place}: times: must be a list with one time per image, in seconds (0 or more) or null"
        return Reject(sample.line, row["identity"], "has an unusable time", detail)
    row |= {
        "face": sample.images[0].name if sample.images else "",
        "speech": sample.audio_files[0].name if sample.audio_files else "",
        "embedding": sample.vectors[0].name if sample.vectors else "",
    }
    return _ParsedSample(sample, row, values, times)


def _times(values: Mapping[str, Any], num_images: int) -> tuple[float | None, ...] | None:
    """Read a time per image, None if unknown; return None if the list cannot be used."""
    listed = values.get("times", [values["time"]] if "time" in values else [None] * num_images)
    if not isinstance(listed, list) or len(listed) != num_images:
        return None
    times = []
    for value in listed:
        seconds = None if isinstance(value, bool) or value is None else parse_seconds(str(value))
        if seconds is None and value is not None:
            return None
        times.append(seconds)
    return tuple(times)


def _clip(parsed: _ParsedSample) -> ClipRequest:
    sample, row = parsed.sample, parsed.row
    name = parsed.values.get("name")
    name = name if isinstance(name, str) and name else sample.key
    number = parsed.values.get("utterance")
    is_number = isinstance(number, str) and number.isascii() and number.isdigit() and len(number) <= 19
    utterance = int(str(number)) if is_number and int(str(number)) < 2**63 else row["video"] or name
    sex = SEXES[row["sex"].lower()]
    return ClipRequest(
        identity=row["identity"],
        utterance=utterance,
        name=name,
        faces=tuple(
            FaceRequest(sample.line, member, seconds, box)
            for member, seconds, box in zip(sample.images, parsed.times, _boxes(parsed), strict=True)
        ),
        speech=sample.audio_files[0] if sample.audio_files else None,
        embedding=sample.vectors[0] if sample.vectors else None,
        attributes=(("sex", sex),) if sex >= 0 else (),
        caption=row["caption"],
        consent=row["consent"],
        source=row["source"],
        licence=row["licence"],
        language=row["language"],
    )


def _boxes(parsed: _ParsedSample) -> list[tuple[int, int, int] | None]:
    """Read a box per image, None if it is missing or invalid; an invalid box rejects nothing."""
    listed = parsed.values.get("boxes")
    boxes = listed if isinstance(listed, list) and len(listed) == len(parsed.sample.images) else parsed.sample.images
    return [_box(values) for values in boxes]


def _box(values: object) -> tuple[int, int, int] | None:
    if not isinstance(values, list) or len(values) != 3:
        return None
    left, top, side = (_within(value, -(2**31), 2**31) for value in values)
    return None if left is None or top is None or side is None or side < 0 else (left, top, side)


def _within(value: object, low: int, high: int) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high else None
