"""Changes of a manifest that come of somebody's review: faces that are dropped, and taken back."""

from collections.abc import Iterable, Mapping

from facegen.collect.manifest.manifest import MADE_WITH, CollectionManifest

DROPPED = "dropped on review"
"""Reason of a frame that the rules accepted and somebody did not; its result stays, so that it can be taken back."""
Dropped = Mapping[str, frozenset[int]]


def dropped_frames(manifest: CollectionManifest) -> Dropped:
    """{video: numbers of its frames} that were dropped."""
    found: dict[str, set[int]] = {}
    for video, number in manifest.ask("SELECT video, number FROM frames WHERE reason = ?", DROPPED):
        found.setdefault(video, set()).add(number)
    return {video: frozenset(numbers) for video, numbers in found.items()}


def packed_frames(manifest: CollectionManifest) -> list[tuple[str, int, str, tuple[int, ...]]]:
    """Video, number, person and box of the accepted frames, in the order in which a corpus is packed."""
    rows = manifest.ask(
        'SELECT video, number, person, "left", top, side FROM frames JOIN videos ON videos.id = frames.video '
        "WHERE frames.reason = '' AND videos.state = 'done' ORDER BY videos.position, number"
    )
    return [(video, number, person, (*(place or 0 for place in box),)) for video, number, person, *box in rows]


def drop(manifest: CollectionManifest, frames: Iterable[tuple[str, int]]) -> None:
    """Mark frames as dropped; they are clips no longer."""
    with manifest.change() as db:
        for frame in frames:
            db.execute("DELETE FROM clips WHERE video = ? AND number = ?", frame)
            db.execute("UPDATE frames SET reason = ? WHERE video = ? AND number = ?", (DROPPED, *frame))


def restore(manifest: CollectionManifest) -> int:
    """Take back all that was dropped; returns how many frames that were."""
    window = (manifest.fact(MADE_WITH) or {}).get("speech", {}).get("window_seconds", 0.0)
    with manifest.change() as db:
        db.execute(
            "INSERT INTO clips SELECT video, number, time_seconds - ?, time_seconds + ? FROM frames WHERE reason = ?",
            (window / 2, window / 2, DROPPED),
        )
        return db.execute("UPDATE frames SET reason = '' WHERE reason = ?", (DROPPED,)).rowcount
