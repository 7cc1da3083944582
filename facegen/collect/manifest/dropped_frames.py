"""Frames of a manifest that a review dropped or restored."""

from collections.abc import Iterable, Mapping

from facegen.collect.manifest.manifest import EXAMINATION_SETTINGS, CollectionManifest

DROPPED = "dropped on review"
"""Reason of a frame that the rules accepted and a review rejected; its result stays, so it can be restored."""
Dropped = Mapping[str, frozenset[int]]


def read_dropped(manifest: CollectionManifest) -> Dropped:
    """Read the dropped frames as {video: frame numbers}."""
    dropped: dict[str, set[int]] = {}
    for video, number in manifest.query("SELECT video, number FROM frames WHERE reason = ?", DROPPED):
        dropped.setdefault(video, set()).add(number)
    return {video: frozenset(numbers) for video, numbers in dropped.items()}


def read_packed(manifest: CollectionManifest) -> list[tuple[str, int, str, tuple[int, ...]]]:
    """Read video, number, person and box of the accepted frames, in the order in which a corpus is packed."""
    rows = manifest.query(
        'SELECT video, number, person, "left", top, side FROM frames JOIN videos ON videos.id = frames.video '
        "WHERE frames.reason = '' AND videos.state = 'done' ORDER BY videos.position, number"
    )
    return [(video, number, person, (*(place or 0 for place in box),)) for video, number, person, *box in rows]


def mark_dropped(manifest: CollectionManifest, frames: Iterable[tuple[str, int]]) -> None:
    """Mark frames as dropped, and delete their clips."""
    with manifest.transaction() as db:
        for frame in frames:
            db.execute("DELETE FROM clips WHERE video = ? AND number = ?", frame)
            db.execute("UPDATE frames SET reason = ? WHERE video = ? AND number = ?", (DROPPED, *frame))


def unmark_dropped(manifest: CollectionManifest) -> int:
    """Restore all dropped frames, and return their number."""
    window = (manifest.get_fact(EXAMINATION_SETTINGS) or {}).get("speech", {}).get("window_seconds", 0.0)
    with manifest.transaction() as db:
        db.execute(
            "INSERT INTO clips SELECT video, number, time_seconds - ?, time_seconds + ? FROM frames WHERE reason = ?",
            (window / 2, window / 2, DROPPED),
        )
        return db.execute("UPDATE frames SET reason = '' WHERE reason = ?", (DROPPED,)).rowcount
