"""Loading of the files of a clip, in the worker threads of an import."""

import hashlib
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegen.data.importers.archive import Member
from facegen.data.importers.clip_requests import ClipRequest, FaceRequest, FileWarning, Reject
from facegen.data.media.audio_decoding import read_speech
from facegen.data.media.face_crops import NewDetector, crop_face, find_faces
from facegen.data.media.images import read_image, square_face
from facegen.data.media.media_files import OnWarning, Readable, UnusableFileError

MAX_TEXT_DIM = 65536


@dataclass(frozen=True)
class ImportSettings:
    """Conversion of files to rows of a corpus.

    Attributes:
        image_pixels: side of the stored faces.
        sample_rate_hz: sample rate of the stored speech.
        detect: makes the face detector for the images; None crops the middle square of each image.
        margin: margin around a detected face, on each side, as a multiple of the side of its box.
    """

    image_pixels: int
    sample_rate_hz: int
    detect: NewDetector | None
    margin: float


@dataclass
class LoadedClip:
    """A clip in memory.

    Attributes:
        request: the request for this clip.
        faces: (face, its request, its digest) of the usable faces.
        speech: (samples,) int16; None if the clip has none, or if it was not loaded.
        speech_digest: digest of the speech; empty if it was not loaded.
        text: (text_dim,) float32, or None.
        rejects: skipped faces.
        warnings: faults of files that are used nevertheless.
    """

    request: ClipRequest
    faces: list[tuple[NDArray[np.uint8], FaceRequest, bytes]] = field(default_factory=list)
    speech: NDArray[np.int16] | None = None
    speech_digest: bytes = b""
    text: NDArray[np.float32] | None = None
    rejects: list[Reject] = field(default_factory=list)
    warnings: list[FileWarning] = field(default_factory=list)

    def warn(self, column: str, line: int, path: Readable) -> OnWarning:
        """Make a receiver of warnings about the file in a column of a row."""
        identity = self.request.identity
        return lambda warning: self.warnings.append(
            FileWarning(
                line, identity, f"{column} {warning.reason}", ": ".join(filter(None, (str(path), warning.detail)))
            )
        )

    def load_speech(self, path: Readable, sample_rate_hz: int) -> NDArray[np.int16]:
        """Read the track of the clip, which has at least one usable face: (samples,) int16.

        Raises:
            UnusableFileError: the file cannot be used.
        """
        self.speech = read_speech(path, sample_rate_hz, self.warn("speech", self.faces[0][1].line, path))
        self.speech_digest = digest(self.speech)
        return self.speech

    def reject_all(self, column: str, error: UnusableFileError) -> None:
        """Reject all faces of the clip, because of the file in a column."""
        for _, face, _ in self.faces:
            self.rejects.append(Reject(face.line, self.request.identity, f"{column} {error.reason}", str(error)))
        self.faces = []


def load_clip(request: ClipRequest, settings: ImportSettings, wants_speech: bool) -> LoadedClip:
    """Load a clip; unusable files become rejects, never exceptions.

    Args:
        request: the request for the clip.
        settings: sizes and rates.
        wants_speech: load the speech; False if an earlier clip loads the same file.
    """
    clip = LoadedClip(request)
    for face in request.faces:
        try:
            pixels = _load_face(face.path, settings, clip.warn("face", face.line, face.path))
            clip.faces.append((pixels, face, digest(pixels)))
        except UnusableFileError as error:
            clip.rejects.append(Reject(face.line, request.identity, f"face {error.reason}", str(error)))
    if clip.faces and request.embedding is not None:
        try:
            clip.text = load_embedding(request.embedding)
        except UnusableFileError as error:
            clip.reject_all("embedding", error)
    if clip.faces and request.speech is not None and wants_speech:
        try:
            clip.load_speech(request.speech, settings.sample_rate_hz)
        except UnusableFileError as error:
            clip.reject_all("speech", error)
    return clip


def load_embedding(path: Readable) -> NDArray[np.float32]:
    """Read a vector from a .npy file: (dim,) float32.

    Raises:
        UnusableFileError: it is not such a file.
    """
    advice = "write it with numpy.save as a vector of finite floats"
    try:
        # Mapped, so that a header that claims a huge array fails instead of allocating it.
        vector = np.load(path, mmap_mode="r", allow_pickle=False) if isinstance(path, Path) else _unmapped(path)
        if not isinstance(vector, np.ndarray) or vector.dtype.kind != "f" or vector.ndim != 1:
            raise UnusableFileError(path, "is not a vector of floats", advice)
        if not 1 <= len(vector) <= MAX_TEXT_DIM:
            raise UnusableFileError(path, f"must have a length from 1 to {MAX_TEXT_DIM}", advice, len(vector))
        values = np.array(vector, dtype=np.float32)
    except FileNotFoundError:
        raise UnusableFileError(path, "does not exist", "check the path") from None
    except (OSError, ValueError, EOFError, SyntaxError) as error:
        raise UnusableFileError(path, "is not a .npy file", advice, error) from None
    if not np.isfinite(values).all():
        raise UnusableFileError(path, "holds values that are not finite", advice)
    return values


def _unmapped(member: Member) -> NDArray[Any]:
    """Load a vector inside an archive, which cannot be mapped, after comparing its header with its size."""
    with member.open() as file:
        version = np.lib.format.read_magic(file)
        read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in read_header:
            raise ValueError(f"unknown version {version} of the format")
        shape, _, dtype = read_header[version](file)
        if dtype.hasobject or math.prod(shape) * dtype.itemsize != member.size - file.tell():
            raise ValueError("its header does not match its size")
        file.seek(0)
        values: NDArray[Any] = np.load(file, allow_pickle=False)
        return values


def digest(values: NDArray[Any]) -> bytes:
    """Hash the content of an array, to find equal faces or tracks."""
    return hashlib.blake2b(np.ascontiguousarray(values).data, digest_size=16).digest()


def _load_face(path: Readable, settings: ImportSettings, on_warning: OnWarning) -> NDArray[np.uint8]:
    image = read_image(path, on_warning)
    if settings.detect is not None:
        boxes = find_faces(image, settings.detect)
        if not boxes:
            raise UnusableFileError(path, "shows no frontal face", "leave it out, or pack without --detect")
        image = crop_face(image, boxes[0], settings.margin)
    return square_face(image, settings.image_pixels)
