"""What is to be done, what is in work, what came of it: the states of a manifest's videos and channels."""

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from facegen.collect.manifest.manifest import CollectionManifest
from facegen.collect.video.examination import Segment
from facegen.collect.video.failures import CollectError
from facegen.collect.video.result_file import Result

TOO_SHORT, TOO_CLOSE = "too short", "too close to the frame before"
"""What frames are rejected for because of where they stand; other reasons say more about a video."""


@dataclass(frozen=True)
class Video:
    """A video that is to be collected, or was.

    Attributes:
        id, person, kind, address, source, segment: as of a Source, but that `source` is what the list says.
        was_examined: in this collection, at some time before.
    """

    id: str
    person: str
    kind: str
    address: str
    source: str
    segment: Segment | None
    was_examined: bool = False


@dataclass(frozen=True)
class Channel:
    """A channel whose newest videos are to be listed."""

    id: str
    address: str
    last: int


def recover(manifest: CollectionManifest) -> int:
    """Videos that were in work when somebody was killed wait again; how many there were."""
    with manifest.change() as db:
        return db.execute("UPDATE videos SET state = 'waiting' WHERE state = 'working'").rowcount


def retry(manifest: CollectionManifest) -> int:
    """What was set aside waits again; how many videos and channels there were."""
    again = "SET state = 'waiting', attempts = 0, next_try = 0 WHERE state = 'set aside'"
    with manifest.change() as db:
        return sum(db.execute(f"UPDATE {table} {again}").rowcount for table in ("videos", "channels"))


def repeat(manifest: CollectionManifest, video: str) -> None:
    """A video whose result is lost waits again."""
    with manifest.change() as db:
        db.execute("DELETE FROM frames WHERE video = ?", (video,))
        db.execute("UPDATE videos SET state = 'waiting', speech_digest = '' WHERE id = ?", (video,))


def repeat_lost(manifest: CollectionManifest, is_there: Callable[[str], bool]) -> int:
    """Finished videos whose results are gone wait again; how many there were."""
    lost = [video for (video,) in manifest.ask("SELECT id FROM videos WHERE state = 'done'") if not is_there(video)]
    for video in lost:
        repeat(manifest, video)
    return len(lost)


def redo(manifest: CollectionManifest) -> int:
    """All that was examined waits again; how many videos there were."""
    with manifest.change() as db:
        db.execute("DELETE FROM frames")
        return db.execute(
            "UPDATE videos SET state = 'waiting', attempts = 0, next_try = 0, reason = '', advice = '', "
            "detail = '', speech_digest = '' WHERE state IN ('done', 'nothing')"
        ).rowcount


def waiting_channels(manifest: CollectionManifest, now: float) -> list[Channel]:
    """Those that are to be listed."""
    query = "SELECT id, address, last FROM channels WHERE state = 'waiting' AND next_try <= ? ORDER BY id"
    return [Channel(*row) for row in manifest.ask(query, now)]


def next_videos(manifest: CollectionManifest, now: float) -> list[Video]:
    """The first video that is due, and others of its address: it is fetched once for all of its segments.

    Args:
        manifest: asked anew each time, so that a list of millions of segments need not be held in memory.
        now: what failed after this moment is not due, whatever its pause; so a round comes to an end.
    """
    due = "state = 'waiting' AND next_try <= ?"
    first = manifest.ask(f"SELECT address FROM videos WHERE {due} ORDER BY position LIMIT 1", now)
    if not first:
        return []
    rows = manifest.ask(
        "SELECT id, person, kind, address, source, start_seconds, end_seconds, centre_x, centre_y, versions != '' "
        f"FROM videos WHERE {due} AND address = ? ORDER BY position", now, first[0][0]
    )  # fmt: skip
    return [_video(row) for row in rows]


def count_videos(manifest: CollectionManifest) -> dict[str, int]:
    """{state: how many videos}."""
    return dict(manifest.ask("SELECT state, count(*) FROM videos GROUP BY state"))


def next_try(manifest: CollectionManifest) -> float | None:
    """When the next video or channel that waits is due; None where none waits."""
    times = [
        manifest.ask(f"SELECT min(next_try) FROM {table} WHERE state = 'waiting'")[0][0]
        for table in ("videos", "channels")
    ]
    return min((when for when in times if when is not None), default=None)


def begin(manifest: CollectionManifest, ids: Sequence[str]) -> None:
    """Videos are in work from now on."""
    with manifest.change() as db:
        db.executemany("UPDATE videos SET state = 'working' WHERE id = ?", [(each,) for each in ids])


def finish(
    manifest: CollectionManifest,
    result: Result,
    clip_seconds: float,
    *,
    title: str,
    versions: str,
    seconds: tuple[float, float],
) -> str:
    """A video was examined: its frames and clips, all of them or none.

    Returns:
        Its state: "done", or "nothing" where it gave no clips, or is the repetition of another video, by its sound.
    """
    accepted = [number for number, frame in enumerate(result.frames) if not frame.reason]
    with manifest.change() as db:
        twin = db.execute(
            "SELECT source FROM videos WHERE speech_digest = ? AND id != ? AND state = 'done'",
            (result.speech_digest if accepted else "", result.id),
        ).fetchone()
        reason, detail = ("repeats another video", twin[0]) if twin else _why_nothing(result)
        state = "nothing" if reason else "done"
        detail = detail or "; ".join(result.warnings)
        db.execute(
            "UPDATE videos SET state = ?, reason = ?, advice = '', detail = ?, duration_seconds = ?, "
            "speech_digest = ?, settings = ?, versions = ?, changed = ?, title = CASE ? WHEN '' THEN title ELSE ? "
            "END, download_seconds = ?, examine_seconds = ? WHERE id = ?",
            (state, reason, detail, result.duration_seconds, result.speech_digest if state == "done" else "",
             result.made_with, versions, time.time(), title, title, *seconds, result.id),
        )  # fmt: skip
        _write_frames(db, result, [] if reason else accepted, clip_seconds / 2)
    return state


def _why_nothing(result: Result) -> tuple[str, str]:
    """Why a video gives no clips, and how many of its frames were rejected for what; empty where it gives some."""
    if result.reason or not all(frame.reason for frame in result.frames):
        return result.reason, ""
    counts = Counter(frame.reason for frame in result.frames).most_common()
    decisive = [reason for reason, _ in counts if reason not in (TOO_SHORT, TOO_CLOSE)]
    said = ", ".join(f"{count} {reason}" for reason, count in counts)
    return next(iter(decisive), TOO_SHORT), said


def _write_frames(db: sqlite3.Connection, result: Result, accepted: Sequence[int], half_window: float) -> None:
    db.execute("DELETE FROM frames WHERE video = ?", (result.id,))
    db.executemany(
        "INSERT INTO frames VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (result.id, number, frame.time_seconds, *(frame.box or (None,) * 4), frame.sharpness, frame.num_faces,
             frame.reason)
            for number, frame in enumerate(result.frames)
        ],
    )  # fmt: skip
    times = [(number, result.frames[number].time_seconds) for number in accepted]
    db.executemany(
        "INSERT INTO clips VALUES (?, ?, ?, ?)",
        [(result.id, number, moment - half_window, moment + half_window) for number, moment in times],
    )


def fail(
    manifest: CollectionManifest,
    table: str,
    ids: Sequence[str],
    error: CollectError,
    retries: int,
    backoff_seconds: float,
) -> bool:
    """Videos or channels could not be had: they are tried again later, or set aside for good.

    Args:
        table: "videos" or "channels".
        ids: which.
        error: why.
        retries: how often a passing reason is tried again.
        backoff_seconds: pause before the first such try; it doubles each time.
    Returns:
        Whether they are tried again.
    """
    again = False
    with manifest.change() as db:
        for each in ids:
            attempts = db.execute(f"SELECT attempts FROM {table} WHERE id = ?", (each,)).fetchone()[0] + 1
            again = error.passing and attempts <= retries
            db.execute(
                f"UPDATE {table} SET state = ?, attempts = ?, next_try = ?, reason = ?, advice = ?, detail = ? "
                "WHERE id = ?",
                ("waiting" if again else "set aside", attempts, time.time() + backoff_seconds * 2 ** (attempts - 1),
                 error.reason, error.advice, error.detail[:1000], each),
            )  # fmt: skip
    return again


def release(manifest: CollectionManifest, ids: Sequence[str]) -> None:
    """Videos that were in work when everything was stopped wait again."""
    with manifest.change() as db:
        db.executemany(
            "UPDATE videos SET state = 'waiting' WHERE id = ? AND state = 'working'", [(each,) for each in ids]
        )


def _video(row: tuple[Any, ...]) -> Video:
    identifier, person, kind, address, source, start, end, x, y, was_examined = row
    segment = None if start is None else Segment(start, end, None if x is None else (x, y))
    return Video(identifier, person, kind, address, source, segment, bool(was_examined))
