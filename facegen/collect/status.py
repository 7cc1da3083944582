"""Status of a collection: counts per person and per sex, and the reasons of rejections."""

from dataclasses import asdict, dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from facegen.collect.folder import CollectionFolder, size_of
from facegen.collect.manifest.manifest import EXAMINATION_SETTINGS, CollectionManifest

UNKNOWN = "unknown"
ALL = "all"


@dataclass(frozen=True)
class CollectionStats:
    """Counts of a person, or of a group of people.

    Attributes:
        name: name of the person or of the group.
        sex: "female", "male" or "unknown"; empty for all people.
        people: number of people.
        videos: number of videos, named in the list or by a channel.
        done: number of videos with clips.
        waiting: number of videos that wait or are in work.
        frames: number of examined frames.
        faces: number of accepted faces.
        faces_seconds: duration of the speech windows of all faces, "4 s x faces".
        unique_seconds: duration of the union of these windows.
    """

    name: str
    sex: str
    people: int = 0
    videos: int = 0
    done: int = 0
    waiting: int = 0
    frames: int = 0
    faces: int = 0
    faces_seconds: float = 0.0
    unique_seconds: float = 0.0


@dataclass(frozen=True)
class Problem:
    """Reason for which videos or channels have no clips, with their number, the remedy and an example."""

    reason: str
    count: int
    advice: str
    example: str


@dataclass(frozen=True)
class Status:
    """Status of a collection.

    Attributes:
        folder: folder of the collection.
        people: counts of each person, sorted by name.
        groups: counts per sex, and of all people.
        frames_rejected: {reason: number of frames}, the most frequent first.
        videos_with_faults: {source: repaired faults of the sound} of videos with clips.
        videos_rejected: reasons for which videos have no clips.
        channels_rejected: reasons for which channels were not listed.
        seconds: {"fetch": ..., "examine": ...}, total durations.
        num_bytes: size on the disk, without the corpus.
        settings: settings under which all videos were examined.
    """

    folder: Path
    people: tuple[CollectionStats, ...]
    groups: tuple[CollectionStats, ...]
    frames_rejected: dict[str, int]
    videos_with_faults: dict[str, str]
    videos_rejected: tuple[Problem, ...]
    channels_rejected: tuple[Problem, ...]
    seconds: dict[str, float]
    num_bytes: int
    settings: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {**asdict(self), "folder": str(self.folder)}


def read_status(out: Path) -> Status:
    """Read the status of a collection; this also works during a run and on a read-only disk.

    Raises:
        DataError: the folder has no manifest, or a damaged one.
    """
    folder = CollectionFolder(out)
    with CollectionManifest(folder.manifest, read_only=True) as manifest:
        unique = _unique_seconds(manifest)
        people = tuple(_person(row, unique) for row in manifest.query(_PEOPLE))
        fetch, examine = manifest.query("SELECT sum(download_seconds), sum(examine_seconds) FROM videos")[0]
        rejected = manifest.query(
            "SELECT reason, count(*) FROM frames WHERE reason != '' GROUP BY reason ORDER BY count(*) DESC, reason"
        )
        return Status(
            folder=out,
            people=people,
            groups=_groups(people),
            frames_rejected=dict(rejected),
            videos_with_faults=dict(manifest.query(_WITH_FAULTS)),
            videos_rejected=_problems(manifest, "videos", "source"),
            channels_rejected=_problems(manifest, "channels", "address"),
            seconds={"fetch": fetch or 0.0, "examine": examine or 0.0},
            num_bytes=size_of(folder.root),
            settings=manifest.get_fact(EXAMINATION_SETTINGS) or {},
        )


_WITH_FAULTS = "SELECT source, detail FROM videos WHERE state = 'done' AND detail != '' ORDER BY position"
_PEOPLE = """
SELECT name, sex, count(videos.id), coalesce(sum(state = 'done'), 0), coalesce(sum(state IN ('waiting', 'working')), 0),
    (SELECT count(*) FROM frames JOIN videos AS v ON frames.video = v.id WHERE v.person = people.name),
    (SELECT count(*) FROM clips JOIN videos AS v ON clips.video = v.id WHERE v.person = people.name),
    (SELECT coalesce(sum(end_seconds - start_seconds), 0.0) FROM (
        SELECT clips.start_seconds, clips.end_seconds FROM clips JOIN videos AS v ON clips.video = v.id
        WHERE v.person = people.name))
FROM people LEFT JOIN videos ON videos.person = people.name GROUP BY name ORDER BY name
"""


def _person(row: tuple[Any, ...], unique: dict[str, float]) -> CollectionStats:
    name, sex, videos, done, waiting, frames, faces, seconds = row
    return CollectionStats(
        name, sex or UNKNOWN, 1, videos, done, waiting, frames, faces, seconds, unique.get(name, 0.0)
    )


def _groups(people: tuple[CollectionStats, ...]) -> tuple[CollectionStats, ...]:
    by_sex = [
        _sum(sex, sex, [person for person in people if person.sex == sex])
        for sex in sorted({person.sex for person in people}, key=lambda sex: (sex == UNKNOWN, sex))
    ]
    return (*by_sex, _sum(ALL, "", people))


def _sum(name: str, sex: str, rows: Any) -> CollectionStats:
    columns = [column for column in CollectionStats.__dataclass_fields__ if column not in ("name", "sex")]
    return CollectionStats(name, sex, **{column: sum(getattr(row, column) for row in rows) for column in columns})


def _unique_seconds(manifest: CollectionManifest) -> dict[str, float]:
    """Compute {person: duration of the union of their speech windows}, in seconds."""
    rows = manifest.query(
        "SELECT videos.person, clips.video, clips.start_seconds, clips.end_seconds FROM clips "
        "JOIN videos ON clips.video = videos.id ORDER BY videos.person, clips.video, clips.start_seconds"
    )
    seconds: dict[str, float] = {}
    for (person, _), clips in groupby(rows, key=itemgetter(0, 1)):
        seconds[person] = seconds.get(person, 0.0) + union_seconds((start, end) for _, _, start, end in clips)
    return seconds


def union_seconds(windows: Any) -> float:
    """Compute the length of the union of intervals (start, end), which are sorted by start."""
    total, covered_until = 0.0, float("-inf")
    for start, end in windows:
        total += max(0.0, end - max(start, covered_until))
        covered_until = max(covered_until, end)
    return total


def _problems(manifest: CollectionManifest, table: str, named_by: str) -> tuple[Problem, ...]:
    rows = manifest.query(
        f"SELECT reason, count(*), max(advice), min({named_by}) FROM {table} WHERE reason != '' "
        "GROUP BY reason ORDER BY count(*) DESC, reason"
    )
    return tuple(Problem(*row) for row in rows)
