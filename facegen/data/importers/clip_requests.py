"""Requests of an importer: clips whose files are not read yet, and rejected rows."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from facegen.data.media.media_files import Readable


@dataclass(frozen=True)
class FaceRequest:
    """A face whose file is not read yet.

    Attributes:
        line: line of the importer's table; a running number if the source is not a table.
        path: the file.
        time_seconds: time of the face in the speech of the clip, or None.
        box: left, top and side of its detected box, in pixels of its source, or None.
    """

    line: int
    path: Readable
    time_seconds: float | None = None
    box: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class ClipRequest:
    """A clip whose files are not read yet.

    Attributes:
        identity: name of the person.
        utterance: name of the video, or of the clip itself; all clips of an utterance are held out together. An int is
            taken as its `splits.utterance_number`.
        name: origin of the clip, for people.
        faces: one or more faces.
        speech: an audio or video file, or None.
        embedding: a .npy file with a vector, or None.
        attributes: {column: class}.
        caption, consent, source, licence, language: strings; empty if unknown.
    """

    identity: str
    utterance: str | int
    name: str
    faces: tuple[FaceRequest, ...]
    speech: Readable | None = None
    embedding: Readable | None = None
    attributes: tuple[tuple[str, int], ...] = ()
    caption: str = ""
    consent: str = ""
    source: str = ""
    licence: str = ""
    language: str = ""


@dataclass(frozen=True)
class Reject:
    """A row that was skipped.

    Attributes:
        line: line of the importer's table; a running number if the source is not a table.
        identity: name of the person.
        reason: same text for every such row, so that rows can be counted.
        detail: the file or value, and what to do.
    """

    line: int
    identity: str
    reason: str
    detail: str


@dataclass(frozen=True)
class FileWarning:
    """A file that has a fault and was used nevertheless.

    Attributes:
        line, identity: as in `Reject`, of the first row that names the file.
        reason: the fault and its repair; same text for every such file.
        detail: the file, and measurements of the fault.
    """

    line: int
    identity: str
    reason: str
    detail: str


@dataclass(frozen=True)
class ImportRequests:
    """The clips of a source, and the rows that were rejected before any file was read.

    Attributes:
        clips: the clips, in packing order.
        num_rows: number of requested faces, including rejected ones.
        rejects: rows rejected because of their values.
        ignored_columns: columns without a meaning here.
        image_pixels, sample_rate_hz: size and rate at which an exported corpus stored them, or None.
    """

    clips: Sequence[ClipRequest]
    num_rows: int
    rejects: Sequence[Reject]
    ignored_columns: Sequence[str] = ()
    image_pixels: int | None = None
    sample_rate_hz: int | None = None


def count_reasons(rows: Sequence[Reject] | Sequence[FileWarning]) -> dict[str, int]:
    """Count the rows of each reason: {reason: number of rows}, the most frequent first."""
    return dict(Counter(row.reason for row in rows).most_common())
