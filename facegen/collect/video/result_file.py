"""The result of one video on the disk: one safetensors file, whole or not there."""

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from facegen.collect.video.examination import Examination
from facegen.core.collection_interfaces import FaceBox
from facegen.core.errors import DataError
from facegen.core.files import replacing

VERSION = 1
SUFFIX = ".safetensors"


@dataclass(frozen=True)
class ResultFrame:
    """One frame that was looked at, as `ExaminedFrame` but without the face itself."""

    time_seconds: float
    box: FaceBox | None
    reason: str
    sharpness: float
    num_faces: int


@dataclass(frozen=True)
class Result:
    """What a result file says, without faces and speech, which are read when they are asked for.

    Attributes:
        path: the file.
        id: of the source.
        made_with: digest of the settings under which the video was examined.
        reason: why the whole video gives nothing; empty where it was examined.
        duration_seconds: of the video, or of the segment.
        speech_start_seconds: the moment of the first sample of speech.
        speech_digest: hash of the samples; two videos with the same sound are one.
        frames: all that were looked at.
        warnings: faults of its sound, which was used all the same.
    """

    path: Path
    id: str
    made_with: str
    reason: str
    duration_seconds: float
    speech_start_seconds: float
    speech_digest: str
    frames: tuple[ResultFrame, ...]
    warnings: tuple[str, ...] = ()

    def speech(self) -> NDArray[np.int16]:
        """(samples,) int16."""
        with _opened(self.path) as opened:
            return np.asarray(opened.get_tensor("speech"))

    def faces(self) -> Iterator[NDArray[np.uint8]]:
        """The faces of the accepted frames, in order: (S, S, 3) each, of a side of its own."""
        with _opened(self.path) as opened:
            pixels, sides = opened.get_slice("faces"), opened.get_tensor("face_sides").tolist()
            first = 0
            for side in sides:
                size = side * side * 3
                yield np.asarray(pixels[first : first + size]).reshape(side, side, 3)
                first += size


def write_result(path: Path, source_id: str, made_with: str, found: Examination) -> None:
    """Write a result; whoever interrupts this leaves none, or a whole one.

    Raises:
        OSError, SafetensorError: the disk is full, or cannot be written.
    """
    faces = [frame.face for frame in found.frames if frame.face is not None]
    boxes = [frame.box or FaceBox(0, 0, 0, math.nan) for frame in found.frames]
    said = {
        "version": VERSION,
        "id": source_id,
        "made_with": made_with,
        "reason": found.reason,
        "duration_seconds": found.duration_seconds,
        "speech_start_seconds": found.speech_start_seconds,
        "speech_digest": hashlib.sha256(np.ascontiguousarray(found.speech).data).hexdigest(),
        "warnings": list(found.warnings),
        "frame_reasons": [frame.reason for frame in found.frames],
    }
    columns: dict[str, NDArray[Any]] = {
        "times": np.array([frame.time_seconds for frame in found.frames], np.float64),
        "boxes": np.array([box[:3] for box in boxes], np.int64).reshape(-1, 3),
        "weights": np.array([box.weight for box in boxes], np.float64),
        "sharpness": np.array([frame.sharpness for frame in found.frames], np.float64),
        "num_faces": np.array([frame.num_faces for frame in found.frames], np.int64),
        "faces": np.concatenate([np.empty(0, np.uint8), *(face.ravel() for face in faces)]),
        "face_sides": np.array([face.shape[0] for face in faces], np.int64),
        "speech": np.ascontiguousarray(found.speech, np.int16),
    }
    with replacing(path) as part:
        save_file(columns, part, {"facegen": json.dumps(said)})


def read_result(path: Path) -> Result:
    """Read what a result file says.

    Raises:
        DataError: it is missing or damaged.
    """
    with _opened(path) as opened:
        try:
            said = json.loads((opened.metadata() or {})["facegen"])
            if said["version"] != VERSION:
                raise ValueError(f"version {said['version']}")
            columns = {name: opened.get_tensor(name) for name in ("times", "boxes", "weights", "sharpness")}
            counts = opened.get_tensor("num_faces").tolist()
            frames = tuple(
                ResultFrame(time, FaceBox(box[0], box[1], box[2], weight) if box[2] else None, reason, sharpness, count)
                for time, box, weight, sharpness, count, reason in zip(
                    *(columns[name].tolist() for name in columns), counts, said["frame_reasons"], strict=True
                )
            )
            return Result(
                path, said["id"], said["made_with"], said["reason"], said["duration_seconds"],
                said["speech_start_seconds"], said["speech_digest"], frames, tuple(said.get("warnings", ())),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError, SafetensorError) as error:
            raise _damaged(path, error) from None


def _opened(path: Path) -> Any:
    try:
        return safe_open(path, framework="np")
    except (OSError, SafetensorError) as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"{path}: is damaged ({error}); delete it, and call `facegen collect` again")
