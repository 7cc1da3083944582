"""Import of clips from files into a packed corpus, shared by all kinds of source."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from facegen.core.progress import Observer
from facegen.data.corpus.writer import ClipRecord, CorpusWriter
from facegen.data.importers.ahead import run_ahead
from facegen.data.importers.clip_files import ImportSettings, LoadedClip, load_clip
from facegen.data.importers.clip_requests import ClipRequest, FileWarning, Reject
from facegen.data.media.media_files import Readable, UnusableFileError


@dataclass(frozen=True)
class Duplicate:
    """Two rows with the same content; both are in the corpus.

    Attributes:
        kind: "face" or "speech".
        line, earlier_line: lines of the importer's table.
        identity, earlier_identity: names of the people in these lines.
    """

    kind: str
    line: int
    earlier_line: int
    identity: str
    earlier_identity: str


@dataclass
class Importer:
    """Decoder of files for a corpus writer; unusable files are skipped and recorded.

    Threads decode a few clips ahead. Clips are written in the order of the requests, so that the corpus does not depend
    on the timing of the threads.

    Attributes:
        writer: writer of the corpus.
        settings: conversion of files to rows.
        observer: receives the progress.
        rejects: skipped rows, beginning with those that the source itself rejected.
        duplicates: rows with the same content as an earlier row.
        warnings: faults of files that were used nevertheless.
    """

    writer: CorpusWriter
    settings: ImportSettings
    observer: Observer
    rejects: list[Reject] = field(default_factory=list)
    duplicates: list[Duplicate] = field(default_factory=list)
    warnings: list[FileWarning] = field(default_factory=list)
    _track_of_file: dict[Readable, int] = field(default_factory=dict)
    _track_of_digest: dict[bytes, int] = field(default_factory=dict)
    _first_of_digest: dict[bytes, tuple[int, str]] = field(default_factory=dict)
    _track_samples: list[int] = field(default_factory=list)
    _text_dim: int | None = None

    def run(self, requests: Sequence[ClipRequest], num_rows: int) -> None:
        """Load the requested clips, and add them to the corpus."""
        self.observer.start("pack", num_rows, len(self.rejects))
        num_done = len(self.rejects)
        for clip in run_ahead(self._loads(requests), "facegen-pack"):
            self._store(clip)
            num_done += len(clip.request.faces)
            self.observer.advance(num_done, {"rejected": len(self.rejects)} if self.rejects else None)
        self.observer.finish()

    def _loads(self, requests: Sequence[ClipRequest]) -> Iterator[Callable[[], LoadedClip]]:
        """Yield what loads each clip; a track is read with the first clip that names it."""
        requested: set[Readable] = set()
        for request in requests:
            wants_speech = request.speech is not None and request.speech not in requested
            if request.speech is not None:
                requested.add(request.speech)
            yield partial(load_clip, request, self.settings, wants_speech)

    def _store(self, clip: LoadedClip) -> None:
        request = clip.request
        track = -1
        if clip.faces and request.speech is not None:
            try:
                track = self._track(clip, request.speech)
                self._reject_late_faces(clip, self._track_samples[track])
            except UnusableFileError as error:
                clip.reject_all("speech", error)
        self._reject_other_text_dim(clip)
        self.rejects += clip.rejects
        self.warnings += clip.warnings
        if not clip.faces:
            return
        for _, face, face_digest in clip.faces:
            self._note_duplicate("face", face.line, request.identity, face_digest)
        record = ClipRecord(
            request.identity,
            request.utterance,
            request.name,
            track,
            dict(request.attributes),
            request.caption,
            request.consent,
            request.source,
            clip.text,
            request.licence,
            request.language,
        )
        times = [self._time_samples(face.time_seconds) for _, face, _ in clip.faces]
        boxes = np.array([face.box or (0, 0, 0) for _, face, _ in clip.faces], dtype=np.int64)
        self.writer.add_clip(record, np.stack([pixels for pixels, _, _ in clip.faces]), times, boxes)

    def _track(self, clip: LoadedClip, path: Readable) -> int:
        """Return the number of a clip's track; tracks with the same content are stored once."""
        if path in self._track_of_file:
            return self._track_of_file[path]
        speech = clip.speech
        if speech is None:
            # An earlier clip was to load this file, and could not be used; this is rare, so the file is read again.
            speech = clip.load_speech(path, self.settings.sample_rate_hz)
        track = self._track_of_digest.get(clip.speech_digest)
        self._note_duplicate("speech", clip.faces[0][1].line, clip.request.identity, clip.speech_digest)
        if track is None:
            track = self.writer.add_track(speech)
            self._track_samples.append(len(speech))
        self._track_of_file[path] = self._track_of_digest[clip.speech_digest] = track
        return track

    def _reject_late_faces(self, clip: LoadedClip, track_samples: int) -> None:
        usable = []
        for loaded in clip.faces:
            face = loaded[1]
            if self._time_samples(face.time_seconds) < track_samples:
                usable.append(loaded)
                continue
            length = track_samples / self.settings.sample_rate_hz
            reason = "has a time after the end of its speech"
            detail = f"time = {face.time_seconds:g} s, but {clip.request.speech} has {length:.2f} s"
            clip.rejects.append(Reject(face.line, clip.request.identity, reason, detail))
        clip.faces = usable

    def _reject_other_text_dim(self, clip: LoadedClip) -> None:
        if clip.text is None or not clip.faces or clip.request.embedding is None:
            return
        if self._text_dim is None:
            self._text_dim = len(clip.text)
        if len(clip.text) != self._text_dim:
            reason, advice = "differs in length from the first embedding", "give embeddings of equal length"
            detail = f"{len(clip.text)} instead of {self._text_dim}"
            clip.reject_all("embedding", UnusableFileError(clip.request.embedding, reason, advice, detail))

    def _time_samples(self, seconds: float | None) -> int:
        return -1 if seconds is None else round(seconds * self.settings.sample_rate_hz)

    def _note_duplicate(self, kind: str, line: int, identity: str, content: bytes) -> None:
        earlier = self._first_of_digest.setdefault(content, (line, identity))
        if earlier != (line, identity):
            self.duplicates.append(Duplicate(kind, line, earlier[0], identity, earlier[1]))
