"""Result file of one video: a safetensors file, written atomically."""

import hashlib
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import save_file

from facegen.collect.video.examination import ExaminedVideo
from facegen.core.collection_interfaces import FaceBox
from facegen.core.errors import DataError
from facegen.core.files import replacing
from facegen.core.tensor_access import open_tensors

VERSION = 1
SUFFIX = ".safetensors"


@dataclass(frozen=True)
class ResultFrame:
    """An `ExaminedFrame` without the face itself."""

    time_seconds: float
    box: FaceBox | None
    reason: str
    sharpness: float
    num_faces: int


@dataclass(frozen=True)
class Result:
    """Content of a result file; faces and speech are read on demand.

    Attributes:
        path: the file.
        id: id of the source.
        settings_digest: digest of the settings under which the video was examined.
        reason: reason for which the whole video is rejected; empty otherwise.
        duration_seconds: duration of the video, or of the segment.
        speech_start_seconds: time of the first sample of speech.
        speech_digest: hash of the samples, by which videos with the same sound are recognised.
        frames: all examined frames.
        warnings: repaired faults of the sound.
    """

    path: Path
    id: str
    settings_digest: str
    reason: str
    duration_seconds: float
    speech_start_seconds: float
    speech_digest: str
    frames: tuple[ResultFrame, ...]
    warnings: tuple[str, ...] = ()

    def speech(self) -> NDArray[np.int16]:
        """Read the speech, (samples,) int16."""
        with _opened(self.path) as opened:
            return np.asarray(opened.get_tensor("speech"))

    def faces(self) -> Iterator[NDArray[np.uint8]]:
        """Read the faces of the accepted frames in order, (S, S, 3) uint8 each; S differs between faces."""
        with _opened(self.path) as opened:
            pixels, sides = opened.get_slice("faces"), opened.get_tensor("face_sides").tolist()
            first = 0
            for side in sides:
                size = side * side * 3
                yield np.asarray(pixels[first : first + size]).reshape(side, side, 3)
                first += size


def write_result(path: Path, source_id: str, settings_digest: str, video: ExaminedVideo) -> None:
    """Write a result file atomically.

    Raises:
        OSError, SafetensorError: the disk is full, or cannot be written.
    """
    faces = [frame.face for frame in video.frames if frame.face is not None]
    boxes = [frame.box or FaceBox(0, 0, 0, math.nan) for frame in video.frames]
    header = {
        "version": VERSION,
        "id": source_id,
        "made_with": settings_digest,
        "reason": video.reason,
        "duration_seconds": video.duration_seconds,
        "speech_start_seconds": video.speech_start_seconds,
        "speech_digest": hashlib.sha256(np.ascontiguousarray(video.speech).data).hexdigest(),
        "warnings": list(video.warnings),
        "frame_reasons": [frame.reason for frame in video.frames],
    }
    columns: dict[str, NDArray[Any]] = {
        "times": np.array([frame.time_seconds for frame in video.frames], np.float64),
        "boxes": np.array([box[:3] for box in boxes], np.int64).reshape(-1, 3),
        "weights": np.array([box.weight for box in boxes], np.float64),
        "sharpness": np.array([frame.sharpness for frame in video.frames], np.float64),
        "num_faces": np.array([frame.num_faces for frame in video.frames], np.int64),
        "faces": np.concatenate([np.empty(0, np.uint8), *(face.ravel() for face in faces)]),
        "face_sides": np.array([face.shape[0] for face in faces], np.int64),
        "speech": np.ascontiguousarray(video.speech, np.int16),
    }
    with replacing(path) as part:
        save_file(columns, part, {"facegen": json.dumps(header)})


def read_result(path: Path) -> Result:
    """Read a result file.

    Raises:
        DataError: the file is missing or damaged.
    """
    with _opened(path) as opened:
        try:
            header = json.loads((opened.metadata() or {})["facegen"])
            if header["version"] != VERSION:
                raise ValueError(f"version {header['version']}")
            columns = {name: opened.get_tensor(name) for name in ("times", "boxes", "weights", "sharpness")}
            counts = opened.get_tensor("num_faces").tolist()
            frames = tuple(
                ResultFrame(time, FaceBox(box[0], box[1], box[2], weight) if box[2] else None, reason, sharpness, count)
                for time, box, weight, sharpness, count, reason in zip(
                    *(columns[name].tolist() for name in columns), counts, header["frame_reasons"], strict=True
                )
            )
            return Result(
                path, header["id"], header["made_with"], header["reason"], header["duration_seconds"],
                header["speech_start_seconds"], header["speech_digest"], frames, tuple(header.get("warnings", ())),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError, SafetensorError) as error:
            raise _damaged(path, error) from None


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with open_tensors(path, framework="np") as opened:
            yield opened
    except (OSError, SafetensorError) as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"{path}: is damaged ({error}); delete it, and call `facegen collect` again")
