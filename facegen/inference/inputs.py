"""Speech and faces as callers give them: files, arrays, tensors and images."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from facegen.core.batch import DataSpec
from facegen.core.errors import DataError
from facegen.core.progress import Observer
from facegen.core.text.shown import shown
from facegen.data.loading.prepare import fit_speech, prepare_faces, restore_faces
from facegen.data.media.array_audio import speech_from_array
from facegen.data.media.audio_decoding import read_speech
from facegen.data.media.face_crops import NewDetector, crop_face, find_faces
from facegen.data.media.images import read_image, square_face
from facegen.data.media.voice_activity import contains_speech

Speech: TypeAlias = str | Path | NDArray[Any] | Tensor
"""A file, or samples: (samples,) or (channels, samples), int16, int32, or floats from -1 to 1."""
Face: TypeAlias = str | Path | Image.Image | NDArray[Any] | Tensor
"""A file, an image, (H, W, 3) uint8, or (3, H, W) floats from -1 to 1; arrays and tensors may hold several."""
Input = TypeVar("Input")


def read_speeches(
    speech: Speech | Sequence[Speech],
    sample_rate_hz: int | None,
    data: DataSpec,
    observer: Observer,
    whole_seconds: float | None = None,
) -> list[Tensor]:
    """Read one or several recordings at the run's rate: (samples,) int16 each.

    Args:
        speech: one, or a list.
        sample_rate_hz: of samples; files have their own.
        data: the corpus that the run was trained on.
        observer: gets warnings about damaged files that can still be read.
        whole_seconds: as in `read_speech_row`.
    Raises:
        DataError: every recording that cannot be read.
    """
    several: Sequence[Speech] = speech if isinstance(speech, list | tuple) else [cast(Speech, speech)]

    def read(one: Speech) -> list[Tensor]:
        return [read_speech_row(one, data, observer, sample_rate_hz, whole_seconds)]

    return _read_each(several, read, "no speech is given: give at least one recording")


def read_speech_row(
    speech: Speech,
    data: DataSpec,
    observer: Observer,
    sample_rate_hz: int | None = None,
    whole_seconds: float | None = None,
) -> Tensor:
    """Read a recording at the run's rate, cropped or repeated to its length: (samples,) int16.

    Args:
        speech: audio or video file, or samples.
        data: the corpus that the run was trained on.
        observer: gets a warning if the file is damaged and can still be read, or if no speech is detected in it.
        sample_rate_hz: of samples.
        whole_seconds: a recording up to this length is not cropped (`Conditioner.whole_speech_seconds`).
    Raises:
        DataError: the recording cannot be read, or holds no sound.
    """
    if isinstance(speech, str | Path):
        path = Path(speech)
        track = read_speech(path, data.sample_rate_hz, lambda warning: observer.warn(f"{path}: {warning}"))
    elif sample_rate_hz is None:
        raise DataError("sample_rate_hz is missing: give the rate of the samples, such as sample_rate_hz=16000")
    else:
        track = speech_from_array(_as_array(speech, "speech"), sample_rate_hz, data.sample_rate_hz)
    most = max(data.speech_samples, round((whole_seconds or 0) * data.sample_rate_hz))
    cropped = fit_speech(torch.from_numpy(track), min(len(track), most))
    if not contains_speech(cropped.numpy(), data.sample_rate_hz):
        source = speech if isinstance(speech, str | Path) else "the samples"
        observer.warn(f"{source}: no speech was detected in the part that the run reads; it was trained on speech")
    return fit_speech(cropped, max(len(cropped), data.speech_samples))


def read_faces(
    faces: Face | Sequence[Face], data: DataSpec, observer: Observer, *, detect: NewDetector | None = None
) -> Tensor:
    """Read one or several faces at the run's size: (B, 3, H, W) float in [-1, 1].

    Args:
        faces: one, or a list; an array or tensor may hold several.
        data: the corpus that the run was trained on.
        observer: gets warnings about damaged files that can still be read.
        detect: makes the detector that finds the face in each image; None if the images are cropped faces.
    Raises:
        DataError: every face that cannot be read.
    """
    several: Sequence[Face] = faces if isinstance(faces, list | tuple) else [cast(Face, faces)]

    def read(one: Face) -> list[Tensor]:
        return [_prepared(image, data, detect, label) for image, label in _images(one, observer)]

    return torch.stack(_read_each(several, read, "no face is given: give at least one image"))


def _read_each(inputs: Sequence[Input], read: Callable[[Input], list[Tensor]], nothing: str) -> list[Tensor]:
    """Read every input; report those that cannot be read together.

    Args:
        inputs: any number.
        read: returns the rows of one.
        nothing: problem if there are no rows.
    """
    rows, problems = list[Tensor](), list[str]()
    for one in inputs:
        try:
            rows += read(one)
        except DataError as error:
            problems += error.problems
    if problems or not rows:
        raise DataError(*(problems or [nothing]))
    return rows


def with_detected_faces(paths: Sequence[Path], detect: NewDetector, observer: Observer) -> list[Path]:
    """Leave out the pictures in which no face is found, with a warning each.

    Raises:
        DataError: every picture that cannot be read; or no picture shows a face.
    """
    shown, problems = list[Path](), list[str]()
    for path in paths:
        try:
            has_face = bool(find_faces(read_image(path, lambda _: None), detect))
        except DataError as error:
            problems += error.problems
            continue
        if has_face:
            shown.append(path)
        else:
            observer.warn(f"{path}: no frontal face was found, so the picture is left out")
    if problems:
        raise DataError(*problems)
    if not shown:
        raise DataError("no picture shows a frontal face; crop the faces yourself and omit --detect")
    return shown


def _as_array(values: object, noun: str) -> NDArray[Any]:
    """Return an array or a tensor as an array of numbers.

    Raises:
        DataError: it is neither.
    """
    try:
        if isinstance(values, Tensor):
            dense = values.detach().cpu().to_dense()
            values = (dense.float() if dense.dtype == torch.bfloat16 else dense).numpy()
        array = np.asarray(values)
    except (RuntimeError, TypeError, ValueError) as error:
        raise DataError(f"{noun} cannot be read as numbers: {error}") from error
    if array.dtype.kind not in "iufb" or not array.ndim:
        raise DataError(f"{noun} = {shown(values)}: must be a file, or an array or tensor of numbers")
    return array


def _images(face: Face, observer: Observer) -> list[tuple[NDArray[np.uint8] | Tensor, str]]:
    """Return the images of an input with their names: (H, W, 3) uint8, or (3, H, W) float tensors."""
    if isinstance(face, str | Path):
        path = Path(face)
        return [(read_image(path, lambda warning: observer.warn(f"{path}: {warning}")), str(path))]
    if isinstance(face, Image.Image):
        return [(_pixels(face), "face")]
    values = torch.from_numpy(np.ascontiguousarray(_as_array(face, "faces")))
    batch = values[None] if values.dim() == 3 else values
    if batch.dim() == 4 and batch.dtype == torch.uint8 and batch.shape[3] == 3 and batch.numel():
        return [(image.numpy(), "face") for image in batch]
    if batch.dim() == 4 and batch.is_floating_point() and batch.shape[1] == 3 and batch.numel():
        if not bool(batch.isfinite().all()) or float(batch.abs().max()) > 1:
            raise DataError("faces of floats must be from -1 to 1; divide 8-bit values by 127.5 and subtract 1")
        return [(image, "face") for image in batch.float()]
    raise DataError(
        f"faces of shape {tuple(values.shape)} and type {values.dtype}: must be (H, W, 3) uint8 or (3, H, W) floats, "
        f"or several of these"
    )


def _pixels(image: Image.Image) -> NDArray[np.uint8]:
    try:
        pixels = np.array(image.convert("RGB"))
    except (OSError, ValueError) as error:  # an image is read when it is first used
        raise DataError(f"the image cannot be read: {error}") from error
    if not pixels.size:
        raise DataError(f"an image of {image.width} x {image.height} pixels shows no face")
    return pixels


def _prepared(image: NDArray[np.uint8] | Tensor, data: DataSpec, detect: NewDetector | None, label: str) -> Tensor:
    pixels = data.image_pixels
    if isinstance(image, Tensor):
        if tuple(image.shape[1:]) == (pixels, pixels) and detect is None:
            return image
        image = restore_faces(image[None])[0].numpy()
    if detect is not None:
        boxes = find_faces(image, detect)
        if not boxes:
            raise DataError(f"{label}: no frontal face was found; crop the face yourself and omit --detect")
        image = crop_face(image, boxes[0])
    return prepare_faces(torch.from_numpy(square_face(image, pixels))[None])[0]
