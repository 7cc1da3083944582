"""Inputs and results of the examination of a video, and the reasons for which frames are rejected."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facegen.core.collection_interfaces import FaceBox

TOO_SHORT, TOO_CLOSE = "too short", "too close to the frame before"
SILENT, CLIPPED = "silent", "clipped"
NO_FACE, NO_FACE_AT_CENTRE = "no face", "no face where the speaker is"
TOO_SMALL, UNSURE, SEVERAL, BLURRED = "too small", "unsure", "more than one speaker", "blurred"
NO_FRAME = "no frame at any of the moments"


@dataclass(frozen=True)
class MediaFiles:
    """Files of one video.

    Attributes:
        video: file with the frames, and with the sound if `audio` is None.
        audio: separate file with the sound; None if there is none.
    """

    video: Path
    audio: Path | None = None


@dataclass(frozen=True)
class Segment:
    """Part of a video.

    Attributes:
        start_seconds, end_seconds: its limits, counted from the start of the video.
        centre: (x, y) of the speaker's face, in shares of width and height; None if unknown.
    """

    start_seconds: float
    end_seconds: float
    centre: tuple[float, float] | None = None


@dataclass(frozen=True)
class ExaminedFrame:
    """Result for one frame.

    Attributes:
        time_seconds: time stamp, counted from the start of the video.
        box: box of the face, in pixels of the source; None without a face.
        reason: reason of the rejection; empty if accepted.
        sharpness: sharpness of the face; NaN if not computed.
        num_faces: number of faces detected in the frame.
        face: (S, S, 3) uint8 RGB, the square around the face; None if rejected.
    """

    time_seconds: float
    box: FaceBox | None
    reason: str
    sharpness: float
    num_faces: int
    face: NDArray[np.uint8] | None


@dataclass(frozen=True)
class ExaminedVideo:
    """Result for one video.

    Attributes:
        frames: examined frames, in the order of time.
        speech: (samples,) int16 mono, from the first window of an accepted frame to the last.
        speech_start_seconds: time of its first sample, counted from the start of the video.
        duration_seconds: duration of the video, or of the segment.
        reason: reason for which the whole video is rejected, such as "too short"; empty otherwise.
        warnings: repaired faults of the sound.
    """

    frames: Sequence[ExaminedFrame]
    speech: NDArray[np.int16]
    speech_start_seconds: float
    duration_seconds: float
    reason: str = ""
    warnings: Sequence[str] = ()
