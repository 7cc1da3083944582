"""Work queue of a collection: the states of the videos and channels in its manifest."""

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from facegen.collect.manifest.manifest import CollectionManifest
from facegen.collect.video.examination import TOO_CLOSE, TOO_SHORT, Segment
from facegen.collect.video.failures import CollectError
from facegen.collect.video.result_file import Result


@dataclass(frozen=True)
class Video:
    """Video of a manifest.

    Attributes:
        id, person, kind, address, segment: as in `Source`.
        source: `Source.as_written`.
        was_examined: true if this collection examined it before.
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
    """Channel whose `last` newest videos are to be listed."""

    id: str
    address: str
    last: int


def requeue_interrupted(manifest: CollectionManifest) -> int:
    """Reset videos that an interrupted process left in work to "waiting", and return their number."""
    with manifest.transaction() as db:
        return db.execute("UPDATE videos SET state = 'waiting' WHERE state = 'working'").rowcount


def requeue_set_aside(manifest: CollectionManifest) -> int:
    """Reset videos and channels that were set aside to "waiting", and return their number."""
    again = "SET state = 'waiting', attempts = 0, next_try = 0 WHERE state = 'set aside'"
    with manifest.transaction() as db:
        return sum(db.execute(f"UPDATE {table} {again}").rowcount for table in ("videos", "channels"))


def requeue(manifest: CollectionManifest, video: str) -> None:
    """Reset a video whose result is lost to "waiting", and delete its frames."""
    with manifest.transaction() as db:
        db.execute("DELETE FROM frames WHERE video = ?", (video,))
        db.execute("UPDATE videos SET state = 'waiting', speech_digest = '' WHERE id = ?", (video,))


def requeue_lost(manifest: CollectionManifest, is_there: Callable[[str], bool]) -> int:
    """Reset finished videos whose results are missing to "waiting", and return their number."""
    lost = [video for (video,) in manifest.query("SELECT id FROM videos WHERE state = 'done'") if not is_there(video)]
    for video in lost:
        requeue(manifest, video)
    return len(lost)


def requeue_examined(manifest: CollectionManifest) -> int:
    """Reset all examined videos to "waiting", and return their number."""
    with manifest.transaction() as db:
        db.execute("DELETE FROM frames")
        return db.execute(
            "UPDATE videos SET state = 'waiting', attempts = 0, next_try = 0, reason = '', advice = '', "
            "detail = '', speech_digest = '' WHERE state IN ('done', 'nothing')"
        ).rowcount


def due_channels(manifest: CollectionManifest, now: float) -> list[Channel]:
    """Return the channels that are due for listing."""
    query = "SELECT id, address, last FROM channels WHERE state = 'waiting' AND next_try <= ? ORDER BY id"
    return [Channel(*row) for row in manifest.query(query, now)]


def due_videos(manifest: CollectionManifest, now: float) -> list[Video]:
    """Return the first due video, and the due videos with the same address, which is downloaded once for all of them.

    Args:
        manifest: queried at each call, so that a list of millions of segments is not held in memory.
        now: start of the round, a Unix time; a video that fails later is not due, so that the round ends.
    """
    due = "state = 'waiting' AND next_try <= ?"
    first = manifest.query(f"SELECT address FROM videos WHERE {due} ORDER BY position LIMIT 1", now)
    if not first:
        return []
    rows = manifest.query(
        "SELECT id, person, kind, address, source, start_seconds, end_seconds, centre_x, centre_y, versions != '' "
        f"FROM videos WHERE {due} AND address = ? ORDER BY position", now, first[0][0]
    )  # fmt: skip
    return [_video(row) for row in rows]


def count_videos(manifest: CollectionManifest) -> dict[str, int]:
    """Count the videos as {state: number}."""
    return dict(manifest.query("SELECT state, count(*) FROM videos GROUP BY state"))


def next_due_time(manifest: CollectionManifest) -> float | None:
    """Return the Unix time at which the next waiting video or channel is due; None if none waits."""
    times = [
        manifest.query(f"SELECT min(next_try) FROM {table} WHERE state = 'waiting'")[0][0]
        for table in ("videos", "channels")
    ]
    return min((time for time in times if time is not None), default=None)


def mark_working(manifest: CollectionManifest, ids: Sequence[str]) -> None:
    """Mark videos as in work."""
    with manifest.transaction() as db:
        db.executemany("UPDATE videos SET state = 'working' WHERE id = ?", [(video,) for video in ids])


def record_result(
    manifest: CollectionManifest,
    result: Result,
    clip_seconds: float,
    *,
    title: str,
    versions: str,
    seconds: tuple[float, float],
) -> str:
    """Record the result of an examined video, with its frames and clips, in one transaction.

    Args:
        manifest: the manifest.
        result: the result.
        clip_seconds: duration of the speech around each frame.
        title: title of the video; empty keeps the old one.
        versions: versions of the software that examined it.
        seconds: durations of download and examination.
    Returns:
        The new state: "done", or "nothing" if the video has no clips, or the same sound as another video.
    """
    accepted = [number for number, frame in enumerate(result.frames) if not frame.reason]
    with manifest.transaction() as db:
        duplicate = db.execute(
            "SELECT source FROM videos WHERE speech_digest = ? AND id != ? AND state = 'done'",
            (result.speech_digest if accepted else "", result.id),
        ).fetchone()
        reason, detail = ("repeats another video", duplicate[0]) if duplicate else _rejection(result)
        state = "nothing" if reason else "done"
        detail = detail or "; ".join(result.warnings)
        db.execute(
            "UPDATE videos SET state = ?, reason = ?, advice = '', detail = ?, duration_seconds = ?, "
            "speech_digest = ?, settings = ?, versions = ?, changed = ?, title = CASE ? WHEN '' THEN title ELSE ? "
            "END, download_seconds = ?, examine_seconds = ? WHERE id = ?",
            (state, reason, detail, result.duration_seconds, result.speech_digest if state == "done" else "",
             result.settings_digest, versions, time.time(), title, title, *seconds, result.id),
        )  # fmt: skip
        _write_frames(db, result, [] if reason else accepted, clip_seconds / 2)
    return state


def _rejection(result: Result) -> tuple[str, str]:
    """Return why a video has no clips, and the counts of its frames' reasons; empty texts if it has clips.

    The reason is the most frequent one of its frames. Reasons that depend only on the position of a frame come last.
    """
    if result.reason or not all(frame.reason for frame in result.frames):
        return result.reason, ""
    counts = Counter(frame.reason for frame in result.frames).most_common()
    decisive = [reason for reason, _ in counts if reason not in (TOO_SHORT, TOO_CLOSE)]
    detail = ", ".join(f"{count} {reason}" for reason, count in counts)
    return next(iter(decisive), TOO_SHORT), detail


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
        [(result.id, number, time - half_window, time + half_window) for number, time in times],
    )


def record_failure(
    manifest: CollectionManifest,
    table: str,
    ids: Sequence[str],
    error: CollectError,
    retries: int,
    backoff_seconds: float,
) -> bool:
    """Record a failure of videos or channels: they wait for another try, or are set aside.

    Args:
        manifest: the manifest.
        table: "videos" or "channels".
        ids: their ids.
        error: the reason.
        retries: number of further tries after a transient error.
        backoff_seconds: pause before the first further try; it doubles with each.
    Returns:
        True if there will be another try.
    """
    will_retry = False
    with manifest.transaction() as db:
        for failed in ids:
            attempts = db.execute(f"SELECT attempts FROM {table} WHERE id = ?", (failed,)).fetchone()[0] + 1
            will_retry = error.transient and attempts <= retries
            db.execute(
                f"UPDATE {table} SET state = ?, attempts = ?, next_try = ?, reason = ?, advice = ?, detail = ? "
                "WHERE id = ?",
                ("waiting" if will_retry else "set aside", attempts,
                 time.time() + backoff_seconds * 2 ** (attempts - 1),
                 error.reason, error.advice, error.detail[:1000], failed),
            )  # fmt: skip
    return will_retry


def _video(row: tuple[Any, ...]) -> Video:
    identifier, person, kind, address, source, start, end, x, y, was_examined = row
    segment = None if start is None else Segment(start, end, None if x is None else (x, y))
    return Video(identifier, person, kind, address, source, segment, bool(was_examined))
