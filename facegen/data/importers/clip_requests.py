"""What an importer asks for: clips that are still files, and rows that had to be left out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from facegen.data.media.media_files import Readable


@dataclass(frozen=True)
class FaceRequest:
    """A face that is still a file.

    Attributes:
        line: where the importer's table names it; the number of the row, where that is no table.
        path: the file.
        time_seconds: its moment in the clip's speech, or None.
        box: left, top and side of the box in which it was found, in pixels of its source, or None.
    """

    line: int
    path: Readable
    time_seconds: float | None = None
    box: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class ClipRequest:
    """A clip whose faces and speech are still files: what an importer makes of its rows.

    Attributes:
        identity: who it is.
        utterance: the video, or the clip itself; all clips of one are held out together. A number is its
            `splits.utterance_number` already.
        name: for people who look for it.
        faces: at least one.
        speech: a file with sound, or None.
        embedding: a .npy file with a vector, or None.
        attributes: {column: class}.
        caption, consent, source, licence, language: strings; empty where unknown.
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
    """A row that was left out.

    Attributes:
        line: where the importer's table names it; the number of the row, where that is no table.
        identity: who it was to be.
        reason: in words that are the same for every such row, so that they can be counted.
        detail: which file, which value, what to do.
    """

    line: int
    identity: str
    reason: str
    detail: str


@dataclass(frozen=True)
class FileWarning:
    """A file that has a fault and was used all the same.

    Attributes:
        line, identity: of the first row that names it, as in `Reject`.
        reason: the fault and what was done, in words that are the same for every such file.
        detail: the file, and the numbers of its fault.
    """

    line: int
    identity: str
    reason: str
    detail: str


@dataclass(frozen=True)
class ImportRequests:
    """All that an importer asks for.

    Attributes:
        clips: in the order in which they are packed.
        num_rows: how many faces were asked for, those that were left out included.
        rejects: rows that were left out because of what they say.
        ignored_columns: columns that have no meaning here.
        image_pixels, sample_rate_hz: at which they were stored before, or None.
    """

    clips: Sequence[ClipRequest]
    num_rows: int
    rejects: Sequence[Reject]
    ignored_columns: Sequence[str] = ()
    image_pixels: int | None = None
    sample_rate_hz: int | None = None


def count_reasons(rows: Sequence[Reject] | Sequence[FileWarning]) -> dict[str, int]:
    """{reason: how many rows}, the most frequent first."""
    return dict(Counter(row.reason for row in rows).most_common())
