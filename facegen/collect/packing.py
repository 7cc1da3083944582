"""From the results of finished videos to a packed corpus."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegen import __version__
from facegen.collect.folder import IMPORTER, CollectionFolder
from facegen.collect.manifest import dropped_frames as manifest_review
from facegen.collect.manifest import work_queue as manifest_work
from facegen.collect.manifest.dropped_frames import Dropped
from facegen.collect.manifest.manifest import CollectionManifest
from facegen.collect.settings import CollectSettings
from facegen.collect.video.failures import DiskError, disk_error
from facegen.collect.video.result_file import Result, read_result
from facegen.core.errors import DataError
from facegen.core.progress import Observer
from facegen.data.corpus.header import HEADER_FILE, CorpusHeader, Provenance, read_header
from facegen.data.corpus.writer import ClipRecord, CorpusWriter
from facegen.data.media.images import square_face

SEX_NUMBERS = {"female": 0, "male": 1}


@dataclass(frozen=True)
class PackedClips:
    """What a corpus holds.

    Attributes:
        header: content of its corpus.json.
        was_packed: it was written now; else it held all of it already.
    """

    header: CorpusHeader
    was_packed: bool


@dataclass(frozen=True)
class _Row:
    """A finished video, as the manifest has it."""

    id: str
    person: str
    source: str
    address: str
    title: str
    consent: str
    licence: str
    sex: str
    language: str


def pack_corpus(
    folder: CollectionFolder, manifest: CollectionManifest, settings: CollectSettings, source: str, observer: Observer
) -> PackedClips:
    """Pack the clips of all finished videos, unless the corpus that is there holds exactly these.

    Args:
        folder: of the collection; the corpus goes beside it.
        manifest: says which videos are finished.
        settings: how.
        source: the list's name, for the provenance.
        observer: told how far it is.
    Raises:
        DataError: no video gave a clip.
        DiskError: the disk is full, or cannot be written; an older corpus is as it was.
    """
    rows = _finished(manifest)
    if not rows:
        raise DataError(*_nothing_left(folder, manifest))
    dropped = manifest_review.dropped_frames(manifest)
    contents = _digest(rows, dropped, settings)
    there = _corpus_of(folder)
    if there is not None and there.provenance.settings.get("contents") == contents:
        return PackedClips(there, was_packed=False)
    provenance = Provenance(
        importer=IMPORTER,
        source=source,
        facegen=__version__,
        settings={**settings.made_with, "corpus": settings.corpus.model_dump(), "contents": contents},
    )
    try:
        return PackedClips(_write(folder, manifest, rows, dropped, settings, provenance, observer), was_packed=True)
    except OSError as error:
        raise (disk_error(error) or DiskError(f"{folder.out}: {error.strerror}")) from None


def clip_runs(times: Sequence[float], clip_seconds: float) -> list[range]:
    """Accepted frames whose speech hangs together, as ranges of their numbers.

    Args:
        times: of the accepted frames, in order.
        clip_seconds: of speech around each of them.
    Returns:
        The runs: windows of neighbours in a run overlap or touch, so its speech is one piece.
    """
    breaks = [i for i in range(1, len(times)) if times[i] - times[i - 1] > clip_seconds + 1e-6]
    ends = [0, *breaks, len(times)]
    return [range(first, end) for first, end in pairwise(ends) if end > first]


def _write(
    folder: CollectionFolder, manifest: CollectionManifest, rows: list[_Row], dropped: Dropped,
    settings: CollectSettings, provenance: Provenance, observer: Observer,
) -> CorpusHeader:  # fmt: skip
    speech = settings.examine.speech
    observer.start("pack", len(rows))
    with CorpusWriter(
        folder.out, image_pixels=settings.corpus.image_pixels, sample_rate_hz=speech.sample_rate_hz,
        attribute_classes={"sex": len(SEX_NUMBERS)}, provenance=provenance, overwrite=True,
    ) as writer:  # fmt: skip
        for done, row in enumerate(rows, start=1):
            path = folder.result(row.id)
            try:
                result = read_result(path)
                _add_video(writer, row, result, dropped.get(row.id, frozenset()), settings)
            except DataError as error:
                manifest_work.repeat(manifest, row.id)
                path.unlink(missing_ok=True)
                raise DataError(f"{error}; it waits to be collected again") from None
            observer.advance(done)
        observer.finish()
        return writer.finish()


def _add_video(
    writer: CorpusWriter, row: _Row, result: Result, dropped: frozenset[int], settings: CollectSettings
) -> None:
    window, rate = settings.examine.speech.window_seconds, settings.examine.speech.sample_rate_hz
    stored = [(number, frame) for number, frame in enumerate(result.frames) if not frame.reason]
    accepted = [frame for number, frame in stored if number not in dropped]
    times = [frame.time_seconds for frame in accepted]
    speech, pictures = result.speech(), zip(stored, result.faces(), strict=True)
    faces = (face for (number, _), face in pictures if number not in dropped)
    for run in clip_runs(times, window):
        first, end = (
            round((times[at] + side * window / 2 - result.speech_start_seconds) * rate)
            for at, side in ((run[0], -1), (run[-1], 1))
        )
        first, end = max(first, 0), min(end, len(speech))
        track = writer.add_track(speech[first:end])
        for clip in _pieces(run, settings.corpus.faces_per_clip):
            pixels = np.stack([square_face(next(faces), settings.corpus.image_pixels) for _ in clip])
            places = [
                min(max(round((times[n] - result.speech_start_seconds) * rate) - first, 0), end - first - 1)
                for n in clip
            ]
            record = _record(row, track, times[clip[0]], times[clip[-1]])
            writer.add_clip(record, pixels, places, _boxes(accepted, clip))


def _pieces(run: range, most: int) -> Iterator[range]:
    step = most or len(run)
    for first in range(run.start, run.stop, step):
        yield range(first, min(first + step, run.stop))


def _boxes(accepted: Sequence[Any], clip: range) -> NDArray[np.int64]:
    return np.array([accepted[n].box[:3] if accepted[n].box else (0, 0, 0) for n in clip], np.int64)


def _record(row: _Row, track: int, start: float, end: float) -> ClipRecord:
    moments = f"{start:.2f} s" if start == end else f"{start:.2f}-{end:.2f} s"
    return ClipRecord(
        identity=row.person, utterance=row.address, name=f"{row.source} at {moments}", track=track,
        attributes={"sex": SEX_NUMBERS[row.sex]} if row.sex in SEX_NUMBERS else {},
        consent=row.consent, source=row.source, licence=row.licence, language=row.language,
    )  # fmt: skip


def _finished(manifest: CollectionManifest) -> list[_Row]:
    query = (
        "SELECT id, person, source, address, title, consent, licence, sex, language FROM videos "
        "JOIN people ON people.name = videos.person WHERE state = 'done' ORDER BY position"
    )
    return [_Row(*row) for row in manifest.ask(query)]


def _digest(rows: list[_Row], dropped: Dropped, settings: CollectSettings) -> str:
    said = [[*vars(row).values(), *sorted(dropped.get(row.id, ()))] for row in rows]
    values = [said, settings.made_with, settings.corpus.model_dump(), __version__]
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _corpus_of(folder: CollectionFolder) -> CorpusHeader | None:
    if not (folder.out / HEADER_FILE).is_file():
        return None
    return read_header(folder.out)


def _nothing_left(folder: CollectionFolder, manifest: CollectionManifest) -> list[str]:
    counts = manifest.ask("SELECT reason, count(*), max(advice) FROM videos GROUP BY reason ORDER BY count(*) DESC")
    counts += manifest.ask("SELECT reason, count(*), max(advice) FROM channels WHERE reason != '' GROUP BY reason")
    total = sum(count for _, count, _ in counts)
    reasons = [
        f"{count} {reason or 'gave nothing'}{f' ({advice})' if advice else ''}" for reason, count, advice in counts
    ]
    return [
        f"{folder.out}: none of {total} videos and channels gave a clip: {'; '.join(reasons)}",
        "`facegen collect ... --status` counts the reasons of single frames",
    ]
