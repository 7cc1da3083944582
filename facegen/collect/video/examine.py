"""From the files of one video to the faces and the speech that it gives, each rejection with its reason."""

import math
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facegen.collect.video.audio_quality import clipped_share, sounding_share
from facegen.collect.video.decode import Picture, Recording
from facegen.collect.video.examination import Examination, ExaminedFrame, MediaFiles, Segment
from facegen.collect.video.examine_settings import ExamineSettings
from facegen.collect.video.face_finder import FaceFinder
from facegen.core.collection_interfaces import Detector, FaceBox
from facegen.core.sharpness import sharpness
from facegen.data.media.face_crops import crop_face
from facegen.data.media.images import square_face

TOO_SHORT, TOO_CLOSE = "too short", "too close to the frame before"
SILENT, CLIPPED = "silent", "clipped"
NO_FACE, NOT_THERE = "no face", "no face where the speaker is"
TOO_SMALL, UNSURE, SEVERAL, BLURRED = "too small", "unsure", "more than one speaker", "blurred"
NO_FRAME = "no frame at any of the moments"
REASONS = (TOO_SHORT, TOO_CLOSE, SILENT, CLIPPED, NO_FACE, NOT_THERE, TOO_SMALL, UNSURE, SEVERAL, BLURRED)
"""Why a frame is rejected, in the order in which it is tried: what costs least comes first."""
EDGE_SECONDS = 0.05
"""So much of a window may lie beyond the ends of the sound, which seldom begins and ends with the pictures."""
SAME_SECONDS = 1e-6
MAX_WAITING_BYTES = 256 * 2**20
"""Frames that wait for their speech; a file whose sound comes later than that is read twice."""
FRAME_QUALITY = 95


def examine(
    files: MediaFiles,
    settings: ExamineSettings,
    segment: Segment | None,
    keep_frames: Path | None,
    detector: Detector,
) -> Examination:
    """Look at a video's frames, and keep those that show one speaker, sharp and close, with speech around them.

    Args:
        files: of the video.
        settings: which frames, faces and speech.
        segment: only this part of the video; its speaker is the face nearest to its centre.
        keep_frames: an existing folder for the whole accepted frames, `<milliseconds>.jpg`.
        detector: finds the faces; it is asked about one frame at a time.
    Raises:
        UnusableFileError: nothing can be read from the files.
        OSError: a frame cannot be written.
    """
    recording = Recording(files, settings, segment)
    judge = _Judge(recording, settings, segment, keep_frames, FaceFinder(detector, settings.face), detector.sure)
    waiting: deque[Picture] = deque()
    for picture in recording.pictures():
        waiting.append(picture)
        if len(waiting) * picture.num_bytes > MAX_WAITING_BYTES and not judge.can_judge(waiting[0]):
            recording.read_all_sound()
        while waiting and judge.can_judge(waiting[0]):
            judge.look_at(waiting.popleft())
    for picture in waiting:
        judge.look_at(picture)
    return judge.answer()


@dataclass
class _Judge:
    """Decides about one frame after another; what it accepted last decides how soon it accepts again."""

    recording: Recording
    settings: ExamineSettings
    segment: Segment | None
    keep_frames: Path | None
    finder: FaceFinder
    sure: float
    frames: list[ExaminedFrame] = field(default_factory=list)
    accepted_seconds: float = -math.inf
    known: FaceBox | None = None

    def can_judge(self, picture: Picture) -> bool:
        """The sound of its window is there, or there is no more."""
        sound = self.recording.sound
        enough = bool(len(sound)) and sound.end_seconds >= self._window(picture)[1]
        return sound.complete or enough

    def look_at(self, picture: Picture) -> None:
        """Accept a frame, or note why not."""
        reason = self._reason_of_time(picture)
        if reason:
            self.frames.append(ExaminedFrame(picture.time_seconds, None, reason, math.nan, 0, None))
            return
        image = picture.image()
        frame = self._look_for_face(picture, image)
        self.frames.append(frame)
        if not frame.reason:
            self.accepted_seconds = picture.asked_seconds
            if self.keep_frames is not None:
                path = self.keep_frames / f"{round(1000 * picture.time_seconds):09d}.jpg"
                Image.fromarray(image).save(path, quality=FRAME_QUALITY)

    def answer(self) -> Examination:
        """All frames, and the speech that the accepted ones need."""
        sound, half = self.recording.sound, self.settings.speech.window_seconds / 2
        accepted = [frame.time_seconds for frame in self.frames if not frame.reason]
        speech, start = np.zeros(0, np.int16), 0.0
        if accepted:
            speech = sound.between(accepted[0] - half, accepted[-1] + half)
            start = max(accepted[0] - half, sound.start_seconds)
        reason = "" if self.frames else NO_FRAME
        lower, upper = self._bounds()
        if upper - lower < 2 * half:
            reason = TOO_SHORT
        warnings = tuple(map(str, self.recording.warnings))
        return Examination(tuple(self.frames), speech, start, self.recording.duration_seconds, reason, warnings)

    def _reason_of_time(self, picture: Picture) -> str:
        """What speaks against a frame before anybody has looked at it."""
        speech = self.settings.speech
        (start, end), (lower, upper) = self._window(picture), self._bounds()
        if start < lower - EDGE_SECONDS or end > upper + EDGE_SECONDS or upper - lower < speech.window_seconds:
            return TOO_SHORT
        if picture.asked_seconds - self.accepted_seconds < speech.spacing_seconds - SAME_SECONDS:
            return TOO_CLOSE
        window = self.recording.sound.between(start, end)
        if sounding_share(window, speech.sample_rate_hz, speech.silence_db) < speech.min_sounding_share:
            return SILENT
        return CLIPPED if clipped_share(window) > speech.max_clipped_share else ""

    def _look_for_face(self, picture: Picture, image: NDArray[np.uint8]) -> ExaminedFrame:
        faces = self.finder.find(image, self.known)
        box = self.known = self._speaker(faces, image)
        reason = "" if box else (NOT_THERE if faces else NO_FACE)
        sharp, face = math.nan, None
        if box:
            reason = self._reason_of_box(box, faces)
        if box and not reason:
            sharp = sharpness(crop_face(image, box, margin=0.0))
            if sharp < self.settings.face.min_sharpness:
                reason = BLURRED
            else:
                face = crop_face(image, box, self.settings.face.margin)
                face = square_face(face, min(len(face), self.settings.face.max_pixels))
        return ExaminedFrame(picture.time_seconds, box, reason, sharp, len(faces), face)

    def _speaker(self, faces: list[FaceBox], image: NDArray[np.uint8]) -> FaceBox | None:
        centre = self.segment.centre if self.segment else None
        if not faces or centre is None:
            # A small face may be surer than a large one; it is told only where there is nothing else.
            large = [face for face in faces if face.side >= self.settings.face.min_face_pixels]
            return next(iter(large or faces), None)
        x, y = centre[0] * image.shape[1], centre[1] * image.shape[0]
        away = [math.hypot(box.left + box.side / 2 - x, box.top + box.side / 2 - y) / box.side for box in faces]
        nearest = int(np.argmin(away))
        return faces[nearest] if away[nearest] <= 1 else None

    def _reason_of_box(self, box: FaceBox, faces: list[FaceBox]) -> str:
        face = self.settings.face
        least_weight = self.sure if face.min_weight is None else face.min_weight
        if box.side < face.min_face_pixels:
            return TOO_SMALL
        if box.weight < least_weight:
            return UNSURE
        pointed_at = self.segment is not None and self.segment.centre is not None
        if not face.one_speaker or pointed_at:
            return ""
        least_side = face.other_face_share * box.side
        others = [o for o in faces if o.weight >= least_weight and o.side >= least_side and not _holds(box, o)]
        return SEVERAL if others else ""

    def _window(self, picture: Picture) -> tuple[float, float]:
        half = self.settings.speech.window_seconds / 2
        return picture.time_seconds - half, picture.time_seconds + half

    def _bounds(self) -> tuple[float, float]:
        """Where there is sound that may be used."""
        sound = self.recording.sound
        if self.segment is None:
            return sound.start_seconds, sound.end_seconds
        return max(sound.start_seconds, self.segment.start_seconds), min(sound.end_seconds, self.segment.end_seconds)


def _holds(box: FaceBox, other: FaceBox) -> bool:
    """The middle of the other box, or this box itself, lies in it: two finds of one face."""
    x, y = other.left + other.side / 2, other.top + other.side / 2
    return 0 <= x - box.left <= box.side and 0 <= y - box.top <= box.side
