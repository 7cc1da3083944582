"""Examination of one video: accept frames with one speaking face, and record the reason of each rejection."""

import math
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facegen.collect.video.audio_quality import clipped_share, sounding_share
from facegen.collect.video.decode import DecodedFrame, VideoReader
from facegen.collect.video.examination import (
    BLURRED,
    CLIPPED,
    NO_FACE,
    NO_FACE_AT_CENTRE,
    NO_FRAME,
    SEVERAL,
    SILENT,
    TOO_CLOSE,
    TOO_SHORT,
    TOO_SMALL,
    UNSURE,
    ExaminedFrame,
    ExaminedVideo,
    MediaFiles,
    Segment,
)  # fmt: skip
from facegen.collect.video.examine_settings import ExamineSettings
from facegen.collect.video.face_finder import FaceFinder
from facegen.core.collection_interfaces import Detector, FaceBox
from facegen.core.image_sharpness import sharpness
from facegen.data.media.face_crops import crop_face
from facegen.data.media.images import square_face

EDGE_SECONDS = 0.05
"""Part of a window that may be missing at the ends of the sound, which seldom starts and ends with the frames."""
ROUNDING_SECONDS = 1e-6
MAX_WAITING_BYTES = 256 * 2**20
"""Limit of the frames that wait for their sound; beyond it, the sound is read ahead, in a pass of its own."""
JPEG_QUALITY = 95


def examine(
    files: MediaFiles,
    settings: ExamineSettings,
    segment: Segment | None,
    keep_frames: Path | None,
    detector: Detector,
) -> ExaminedVideo:
    """Examine the frames of a video, and accept those with one sharp, large face and speech around them.

    The tests of a frame run in the order of their cost: time, sound, then the face.

    Args:
        files: files of the video.
        settings: selection of frames, faces and speech.
        segment: part of the video to examine; its speaker is the face nearest to its centre. None for all of it.
        keep_frames: existing folder for the whole accepted frames, `<milliseconds>.jpg`; None keeps none.
        detector: face detector.
    Raises:
        UnusableFileError: the files cannot be read.
        OSError: a frame cannot be written.
    """
    reader = VideoReader(files, settings, segment)
    examiner = _FrameExaminer(
        reader, settings, segment, keep_frames, FaceFinder(detector, settings.face), detector.sure
    )
    waiting: deque[DecodedFrame] = deque()
    for decoded in reader.frames():
        waiting.append(decoded)
        if len(waiting) * decoded.num_bytes > MAX_WAITING_BYTES and not examiner.is_ready(waiting[0]):
            reader.read_all_sound()
        while waiting and examiner.is_ready(waiting[0]):
            examiner.examine_frame(waiting.popleft())
    for decoded in waiting:
        examiner.examine_frame(decoded)
    return examiner.result()


@dataclass
class _FrameExaminer:
    """Examiner of successive frames; it keeps the time of the last accepted frame and the last known face."""

    reader: VideoReader
    settings: ExamineSettings
    segment: Segment | None
    keep_frames: Path | None
    face_finder: FaceFinder
    least_weight: float
    frames: list[ExaminedFrame] = field(default_factory=list)
    accepted_seconds: float = -math.inf
    known: FaceBox | None = None

    def is_ready(self, decoded: DecodedFrame) -> bool:
        """Return true if the sound of the frame's window is decoded, or the sound has ended."""
        sound, end = self.reader.sound, self._window(decoded)[1]
        if self.settings.speech.min_seconds is not None and len(sound):
            # Only then it is known whether the sound is shorter than a window.
            start = sound.start_seconds if self.segment is None else self.segment.start_seconds
            full = start + self.settings.speech.window_seconds
            end = max(end, full if self.segment is None else min(full, self.segment.end_seconds))
        covered = bool(len(sound)) and sound.end_seconds >= end
        return sound.complete or covered

    def examine_frame(self, decoded: DecodedFrame) -> None:
        """Accept a frame, or record the reason of its rejection."""
        reason = self._reject_by_time_or_sound(decoded)
        if reason:
            self.frames.append(ExaminedFrame(decoded.time_seconds, None, reason, math.nan, 0, None))
            return
        image = decoded.image()
        frame = self._examine_face(decoded, image)
        self.frames.append(frame)
        if not frame.reason:
            self.accepted_seconds = decoded.target_seconds
            if self.keep_frames is not None:
                path = self.keep_frames / f"{round(1000 * decoded.time_seconds):09d}.jpg"
                Image.fromarray(image).save(path, quality=JPEG_QUALITY)

    def result(self) -> ExaminedVideo:
        """Return all frames, and the speech of the accepted ones."""
        sound, half = self.reader.sound, self.settings.speech.window_seconds / 2
        accepted = [frame.time_seconds for frame in self.frames if not frame.reason]
        speech, start = np.zeros(0, np.int16), 0.0
        lower, upper = self._sound_limits()
        is_short = self._is_short(lower, upper)
        if accepted and is_short:
            speech, start = sound.between(lower, upper), lower
        elif accepted:
            speech = sound.between(accepted[0] - half, accepted[-1] + half)
            start = max(accepted[0] - half, sound.start_seconds)
        reason = "" if self.frames else NO_FRAME
        if upper - lower < 2 * half and not is_short:
            reason = TOO_SHORT
        warnings = tuple(map(str, self.reader.warnings))
        return ExaminedVideo(tuple(self.frames), speech, start, self.reader.duration_seconds, reason, warnings)

    def _reject_by_time_or_sound(self, decoded: DecodedFrame) -> str:
        """Return the reason for which a frame is rejected before its image is used; empty if there is none."""
        speech = self.settings.speech
        (start, end), (lower, upper) = self._window(decoded), self._sound_limits()
        if self._is_short(lower, upper):
            start, end = lower, upper
        elif start < lower - EDGE_SECONDS or end > upper + EDGE_SECONDS or upper - lower < speech.window_seconds:
            return TOO_SHORT
        if decoded.target_seconds - self.accepted_seconds < speech.spacing_seconds - ROUNDING_SECONDS:
            return TOO_CLOSE
        window = self.reader.sound.between(start, end)
        if sounding_share(window, speech.sample_rate_hz, speech.silence_db) < speech.min_sounding_share:
            return SILENT
        return CLIPPED if clipped_share(window) > speech.max_clipped_share else ""

    def _examine_face(self, decoded: DecodedFrame, image: NDArray[np.uint8]) -> ExaminedFrame:
        faces = self.face_finder.find(image, self.known)
        box = self.known = self._speaker(faces, image)
        reason = "" if box else (NO_FACE_AT_CENTRE if faces else NO_FACE)
        face_sharpness, face = math.nan, None
        if box:
            reason = self._reject_by_box(box, faces)
        if box and not reason:
            face_sharpness = sharpness(crop_face(image, box, margin=0.0))
            if face_sharpness < self.settings.face.min_sharpness:
                reason = BLURRED
            else:
                face = crop_face(image, box, self.settings.face.margin)
                face = square_face(face, min(len(face), self.settings.face.max_pixels))
        return ExaminedFrame(decoded.time_seconds, box, reason, face_sharpness, len(faces), face)

    def _speaker(self, faces: list[FaceBox], image: NDArray[np.uint8]) -> FaceBox | None:
        """Return the face at the segment's centre, or else the surest one; None if there is none."""
        centre = self.segment.centre if self.segment else None
        if not faces or centre is None:
            # A too small face may have the largest weight; it is reported only if there is no other.
            large = [face for face in faces if face.side >= self.settings.face.min_face_pixels]
            return next(iter(large or faces), None)
        x, y = centre[0] * image.shape[1], centre[1] * image.shape[0]
        distances = [math.hypot(box.left + box.side / 2 - x, box.top + box.side / 2 - y) / box.side for box in faces]
        nearest = int(np.argmin(distances))
        return faces[nearest] if distances[nearest] <= 1 else None

    def _reject_by_box(self, box: FaceBox, faces: list[FaceBox]) -> str:
        """Return the reason for which a face box is rejected; empty if there is none."""
        face = self.settings.face
        least_weight = self.least_weight if face.min_weight is None else face.min_weight
        if box.side < face.min_face_pixels:
            return TOO_SMALL
        if box.weight < least_weight:
            return UNSURE
        speaker_is_known = self.segment is not None and self.segment.centre is not None
        if not face.one_speaker or speaker_is_known:
            return ""
        least_side = face.other_face_share * box.side
        others = [o for o in faces if o.weight >= least_weight and o.side >= least_side and not _is_same_face(box, o)]
        return SEVERAL if others else ""

    def _window(self, decoded: DecodedFrame) -> tuple[float, float]:
        half = self.settings.speech.window_seconds / 2
        return decoded.time_seconds - half, decoded.time_seconds + half

    def _is_short(self, lower: float, upper: float) -> bool:
        """Return true if sound with these limits is used whole, although it is shorter than a window."""
        speech = self.settings.speech
        is_whole = self.reader.sound.complete or (self.segment is not None and upper >= self.segment.end_seconds)
        if speech.min_seconds is None or not is_whole:
            return False
        return speech.min_seconds - ROUNDING_SECONDS <= upper - lower < speech.window_seconds

    def _sound_limits(self) -> tuple[float, float]:
        """Return start and end of the sound inside the segment, in seconds."""
        sound = self.reader.sound
        if self.segment is None:
            return sound.start_seconds, sound.end_seconds
        return max(sound.start_seconds, self.segment.start_seconds), min(sound.end_seconds, self.segment.end_seconds)


def _is_same_face(box: FaceBox, other: FaceBox) -> bool:
    """Return true if the centre of the other box is inside the first box: two detections of one face."""
    x, y = other.left + other.side / 2, other.top + other.side / 2
    return 0 <= x - box.left <= box.side and 0 <= y - box.top <= box.side
