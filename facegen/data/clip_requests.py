"""What an importer asks for: clips that are still files, and rows that had to be left out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FaceRequest:
    """A face that is still a file.

    Attributes:
        line: where the importer's table names it.
        path: the file.
        time_seconds: its moment in the clip's speech, or None.
    """

    line: int
    path: Path
    time_seconds: float | None = None


@dataclass(frozen=True)
class ClipRequest:
    """A clip whose faces and speech are still files: what an importer makes of its rows.

    Attributes:
        identity: who it is.
        utterance: the video, or the clip itself; all clips of one are held out together.
        name: for people who look for it.
        faces: at least one.
        speech: a file with sound, or None.
        embedding: a .npy file with a vector, or None.
        attributes: {column: class}.
        caption, consent, source: strings; empty where unknown.
    """

    identity: str
    utterance: str
    name: str
    faces: tuple[FaceRequest, ...]
    speech: Path | None = None
    embedding: Path | None = None
    attributes: tuple[tuple[str, int], ...] = ()
    caption: str = ""
    consent: str = ""
    source: str = ""


@dataclass(frozen=True)
class Reject:
    """A row that was left out.

    Attributes:
        line: where the importer's table names it.
        identity: who it was to be.
        reason: in words that are the same for every such row, so that they can be counted.
        detail: which file, which value, what to do.
    """

    line: int
    identity: str
    reason: str
    detail: str


def count_reasons(rejects: Sequence[Reject]) -> dict[str, int]:
    """{reason: how many rows}, the most frequent first."""
    return dict(Counter(reject.reason for reject in rejects).most_common())
