"""What a collection holds so far: per person, by sex, and why the rest was rejected."""

from dataclasses import asdict, dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from facegen.collect.folder import CollectionFolder, size_of
from facegen.collect.manifest.manifest import MADE_WITH, CollectionManifest

UNKNOWN = "unknown"
ALL = "all"


@dataclass(frozen=True)
class CollectionStats:
    """One row of the table.

    Attributes:
        name: of the person, or of the group.
        sex: "female", "male" or "unknown".
        people: how many.
        videos: that were named or listed.
        done: that gave clips.
        waiting: that are left to do.
        frames: that were looked at.
        faces: that were accepted; each is a clip.
        faces_seconds: of speech, counted face by face: "4 s x faces".
        unique_seconds: of speech, every second counted once.
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
    """Videos or channels that gave nothing for one reason."""

    reason: str
    count: int
    advice: str
    example: str


@dataclass(frozen=True)
class Status:
    """What a collection holds.

    Attributes:
        folder: where.
        people: a row each, in the order of their names.
        groups: a row a sex, and one for all.
        frames_rejected: {reason: frames}, the most frequent first.
        videos_with_faults: {source: faults of its sound} of videos that were used all the same.
        videos_rejected: why videos gave nothing, or could not be had.
        channels_rejected: the same of channels.
        seconds: of work, {"fetch": ..., "examine": ...}.
        num_bytes: on the disk, without the corpus.
        settings: under which all of it was examined.
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
        """Plain values."""
        return {**asdict(self), "folder": str(self.folder)}


def read_status(out: Path) -> Status:
    """Read what a collection holds; also while it is at work, and where nothing can be written.

    Raises:
        DataError: nothing was collected there.
    """
    folder = CollectionFolder(out)
    with CollectionManifest(folder.manifest, read_only=True) as manifest:
        unique = _unique_seconds(manifest)
        people = tuple(_person(row, unique) for row in manifest.ask(_PEOPLE))
        fetch, examine = manifest.ask("SELECT sum(download_seconds), sum(examine_seconds) FROM videos")[0]
        rejected = manifest.ask(
            "SELECT reason, count(*) FROM frames WHERE reason != '' GROUP BY reason ORDER BY count(*) DESC, reason"
        )
        return Status(
            folder=out,
            people=people,
            groups=_groups(people),
            frames_rejected=dict(rejected),
            videos_with_faults=dict(manifest.ask(_WITH_FAULTS)),
            videos_rejected=_problems(manifest, "videos", "source"),
            channels_rejected=_problems(manifest, "channels", "address"),
            seconds={"fetch": fetch or 0.0, "examine": examine or 0.0},
            num_bytes=size_of(folder.root),
            settings=manifest.fact(MADE_WITH) or {},
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
    found = [
        _sum(sex, sex, [person for person in people if person.sex == sex])
        for sex in sorted({person.sex for person in people}, key=lambda sex: (sex == UNKNOWN, sex))
    ]
    return (*found, _sum(ALL, "", people))


def _sum(name: str, sex: str, rows: Any) -> CollectionStats:
    columns = [column for column in CollectionStats.__dataclass_fields__ if column not in ("name", "sex")]
    return CollectionStats(name, sex, **{column: sum(getattr(row, column) for row in rows) for column in columns})


def _unique_seconds(manifest: CollectionManifest) -> dict[str, float]:
    """{person: seconds of speech that some clip holds, each counted once}."""
    rows = manifest.ask(
        "SELECT videos.person, clips.video, clips.start_seconds, clips.end_seconds FROM clips "
        "JOIN videos ON clips.video = videos.id ORDER BY videos.person, clips.video, clips.start_seconds"
    )
    found: dict[str, float] = {}
    for (person, _), clips in groupby(rows, key=itemgetter(0, 1)):
        found[person] = found.get(person, 0.0) + union_seconds((start, end) for _, _, start, end in clips)
    return found


def union_seconds(windows: Any) -> float:
    """Length of the union of (start, end), in the order of their starts."""
    total, reached = 0.0, float("-inf")
    for start, end in windows:
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def _problems(manifest: CollectionManifest, table: str, named_by: str) -> tuple[Problem, ...]:
    rows = manifest.ask(
        f"SELECT reason, count(*), max(advice), min({named_by}) FROM {table} WHERE reason != '' "
        "GROUP BY reason ORDER BY count(*) DESC, reason"
    )
    return tuple(Problem(*row) for row in rows)
