"""What the examination of one video is given, and what it answers with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facegen.core.collection_interfaces import FaceBox


@dataclass(frozen=True)
class MediaFiles:
    """The files of one video on the disk.

    Attributes:
        video: has the pictures, and the sound where `audio` is None.
        audio: has the sound, where that came as a file of its own.
    """

    video: Path
    audio: Path | None = None


@dataclass(frozen=True)
class Segment:
    """The part of a video that was asked for; the whole video, where there is none.

    Attributes:
        start_seconds, end_seconds: from where to where.
        centre: (x, y) of the speaker's face, in shares of width and height, or None where nobody pointed at one.
    """

    start_seconds: float
    end_seconds: float
    centre: tuple[float, float] | None = None


@dataclass(frozen=True)
class ExaminedFrame:
    """One frame that was looked at.

    Attributes:
        time_seconds: when it is shown, counted from the beginning of the video.
        box: the face, in pixels of the source; None where there is none to point at.
        reason: why it was rejected; empty where it was accepted.
        sharpness: of the face; NaN where it was not measured.
        num_faces: how many faces were found in the frame.
        face: (S, S, 3) uint8 RGB, the square around the face; None where it was rejected.
    """

    time_seconds: float
    box: FaceBox | None
    reason: str
    sharpness: float
    num_faces: int
    face: NDArray[np.uint8] | None


@dataclass(frozen=True)
class Examination:
    """What a video holds.

    Attributes:
        frames: those that were looked at, in the order of time.
        speech: (samples,) int16, mono, the track or the part of it that the accepted frames need.
        speech_start_seconds: the moment of its first sample, counted from the beginning of the video.
        duration_seconds: of the video, or of the segment that was asked for.
        reason: why the whole video gives nothing, such as "too short"; empty where it was examined.
        warnings: faults of its sound, which was used all the same.
    """

    frames: Sequence[ExaminedFrame]
    speech: NDArray[np.int16]
    speech_start_seconds: float
    duration_seconds: float
    reason: str = ""
    warnings: Sequence[str] = ()
