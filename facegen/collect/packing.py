"""Packing of the results of finished videos into a corpus."""

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
from facegen.collect.manifest import dropped_frames, work_queue
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
class PackResult:
    """Packed corpus of a collection.

    Attributes:
        header: header of the corpus.
        was_packed: true if the corpus was written now, false if it was up to date.
    """

    header: CorpusHeader
    was_packed: bool


@dataclass(frozen=True)
class _Row:
    """Finished video of the manifest, with the data of its person."""

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
) -> PackResult:
    """Pack the clips of all finished videos, unless the existing corpus holds exactly these.

    Args:
        folder: folder of the collection and the corpus.
        manifest: manifest of the collection.
        settings: settings of the collection.
        source: name of the list of sources, for the provenance.
        observer: receives progress.
    Raises:
        DataError: no video has a clip, or a result file is damaged.
        DiskError: the disk is full, or cannot be written; an older corpus is unchanged.
    """
    rows = _finished(manifest)
    if not rows:
        raise DataError(*_describe_empty(folder, manifest))
    dropped = dropped_frames.read_dropped(manifest)
    contents = _digest(rows, dropped, settings)
    existing = _read_header(folder)
    if existing is not None and existing.provenance.settings.get("contents") == contents:
        return PackResult(existing, was_packed=False)
    provenance = Provenance(
        importer=IMPORTER,
        source=source,
        facegen=__version__,
        settings={**settings.examination_values, "corpus": settings.corpus.model_dump(), "contents": contents},
    )
    try:
        return PackResult(_write(folder, manifest, rows, dropped, settings, provenance, observer), was_packed=True)
    except OSError as error:
        raise (disk_error(error) or DiskError(f"{folder.out}: {error.strerror}")) from None


def clip_runs(times: Sequence[float], clip_seconds: float) -> list[range]:
    """Group accepted frames into runs whose speech windows overlap or touch.

    Args:
        times: times of the accepted frames in order, in seconds.
        clip_seconds: duration of the speech window around each frame.
    Returns:
        Ranges of frame numbers; the speech of a run is continuous.
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
                work_queue.requeue(manifest, row.id)
                path.unlink(missing_ok=True)
                raise DataError(f"{error}; it will be collected again by the next `facegen collect`") from None
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
    speech, stored_faces = result.speech(), zip(stored, result.faces(), strict=True)
    faces = (face for (number, _), face in stored_faces if number not in dropped)
    for run in clip_runs(times, window):
        first, end = (
            round((times[at] + side * window / 2 - result.speech_start_seconds) * rate)
            for at, side in ((run[0], -1), (run[-1], 1))
        )
        first, end = max(first, 0), min(end, len(speech))
        track = writer.add_track(speech[first:end])
        for clip in _split_run(run, settings.corpus.faces_per_clip):
            pixels = np.stack([square_face(next(faces), settings.corpus.image_pixels) for _ in clip])
            face_positions = [
                min(max(round((times[n] - result.speech_start_seconds) * rate) - first, 0), end - first - 1)
                for n in clip
            ]
            record = _record(row, track, times[clip[0]], times[clip[-1]])
            writer.add_clip(record, pixels, face_positions, _boxes(accepted, clip))


def _split_run(run: range, max_faces: int) -> Iterator[range]:
    step = max_faces or len(run)
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
    return [_Row(*row) for row in manifest.query(query)]


def _digest(rows: list[_Row], dropped: Dropped, settings: CollectSettings) -> str:
    contents = [[*vars(row).values(), *sorted(dropped.get(row.id, ()))] for row in rows]
    values = [contents, settings.examination_values, settings.corpus.model_dump(), __version__]
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _read_header(folder: CollectionFolder) -> CorpusHeader | None:
    if not (folder.out / HEADER_FILE).is_file():
        return None
    return read_header(folder.out)


def _describe_empty(folder: CollectionFolder, manifest: CollectionManifest) -> list[str]:
    counts = manifest.query("SELECT reason, count(*), max(advice) FROM videos GROUP BY reason ORDER BY count(*) DESC")
    counts += manifest.query("SELECT reason, count(*), max(advice) FROM channels WHERE reason != '' GROUP BY reason")
    total = sum(count for _, count, _ in counts)
    reasons = [
        f"{count} {reason or 'without clips'}{f' ({advice})' if advice else ''}" for reason, count, advice in counts
    ]
    return [
        f"{folder.out}: none of {total} videos and channels has a clip: {'; '.join(reasons)}",
        "`facegen collect ... --status` shows the reasons of rejected frames",
    ]
