"""Pictures and sound from files of any kind; what cannot be read is a DataError that says why."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import av
import av.logging
import cv2
import numpy as np
from av.audio.resampler import AudioResampler
from av.container import InputContainer
from numpy.typing import NDArray
from PIL import Image, ImageOps

from facegen.core.errors import DataError
from facegen.data.archive import Member

Readable = Path | Member
"""Where bytes come from: a file, or a file inside an archive."""
MIN_IMAGE_PIXELS = 16
MAX_IMAGE_MEGAPIXELS = 64
MAX_SPEECH_HOURS = 12
TOO_LARGE = f"has more than {MAX_IMAGE_MEGAPIXELS} megapixels"
IMAGE_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "PPM", "TIFF", "GIF")
"""Not all that Pillow knows: its EPS reader runs a program."""

av.logging.set_level(av.logging.PANIC)


class UnusableFileError(DataError):
    """A file from which nothing can be used.

    Attributes:
        reason: what is wrong, in words that are the same for every such file, so that they can be counted.
    """

    def __init__(self, path: Readable, reason: str, advice: str, detail: object = "") -> None:
        super().__init__(f"{path}: {reason}{f' ({detail})' if detail else ''}; {advice}")
        self.reason = reason


def read_speech(path: Readable, sample_rate_hz: int) -> NDArray[np.int16]:
    """Read the sound of any audio or video file: (samples,) int16, mono.

    Args:
        path: the file.
        sample_rate_hz: what the sound is resampled to.
    Raises:
        UnusableFileError: there is no such file, or no sound in it.
    """
    chunks: list[NDArray[np.int16]] = []
    remaining = MAX_SPEECH_HOURS * 3600 * sample_rate_hz
    with open_media(path) as container:
        for chunk in _mono_chunks(container, path, sample_rate_hz):
            chunks.append(chunk)
            remaining -= len(chunk)
            if remaining < 0:
                raise UnusableFileError(path, f"is longer than {MAX_SPEECH_HOURS} hours", "cut it into pieces")
    if not any(len(chunk) for chunk in chunks):
        raise UnusableFileError(path, "holds no samples in its audio track", "record or export it again")
    speech = np.concatenate(chunks)
    if not speech.any():
        raise UnusableFileError(path, "is silent, every sample is 0", "leave it out, or export its sound again")
    return speech


def read_image(path: Readable) -> NDArray[np.uint8]:
    """Read a picture, upright as its EXIF data says: (H, W, 3) uint8, RGB; transparency becomes white.

    Pillow rather than OpenCV: it knows the size before it decodes, and refuses a file that was cut short, where
    older versions of OpenCV fill the rest with grey and newer ones write to stderr.

    Raises:
        UnusableFileError: there is no such file, it is no picture, or smaller than a face can be.
    """
    _require_file(path)
    try:
        with open_readable(path) as file, Image.open(file, formats=IMAGE_FORMATS) as stored:
            _check_size(path, *stored.size)
            return _as_rgb(ImageOps.exif_transpose(stored))
    except UnusableFileError:
        raise
    except Image.UnidentifiedImageError:
        advice = f"give a file of type {', '.join(IMAGE_FORMATS)}"
        raise UnusableFileError(path, "is no picture", advice, _guess(path)) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UnusableFileError(path, TOO_LARGE, "shrink it") from None
    except Exception as error:  # a decoder may raise anything on damaged bytes
        raise UnusableFileError(path, "is a damaged picture", "get it again, or leave it out", error) from None


def square_face(image: NDArray[np.uint8], pixels: int) -> NDArray[np.uint8]:
    """Cut the middle square out of a picture and give it a size: (H, W, 3) -> (pixels, pixels, 3)."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = image[top : top + side, left : left + side]
    if side == pixels:
        return np.ascontiguousarray(square)
    method = cv2.INTER_AREA if side > pixels else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(square, (pixels, pixels), interpolation=method), dtype=np.uint8)


def open_readable(path: Readable) -> IO[bytes]:
    """Open a file, or a file inside an archive, to read its bytes."""
    return path.open() if isinstance(path, Member) else path.open("rb")


@contextmanager
def open_media(path: Readable) -> Iterator[InputContainer]:
    _require_file(path)
    try:
        # A file object without protocols: a playlist would otherwise make the decoder read other files and addresses.
        with open_readable(path) as file, av.open(file, "r", options={"protocol_whitelist": "none"}) as container:
            yield container
    except (av.error.FFmpegError, OSError, ValueError, EOFError) as error:
        detail = _guess(path) or getattr(error, "strerror", None) or error
        raise UnusableFileError(path, "cannot be decoded", "give an audio or video file with sound", detail) from None


def _mono_chunks(container: InputContainer, path: Readable, sample_rate_hz: int) -> Iterator[NDArray[np.int16]]:
    if not container.streams.audio:
        raise UnusableFileError(path, "has no audio track", "give a file with sound")
    resampler = AudioResampler(format="s16", layout="mono", rate=sample_rate_hz)
    for frame in container.decode(container.streams.audio[0]):
        for resampled in resampler.resample(frame):
            yield resampled.to_ndarray()[0].astype(np.int16)
    for resampled in resampler.resample(None):
        yield resampled.to_ndarray()[0].astype(np.int16)


def _as_rgb(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode.startswith("I;16") or image.mode == "I":
        # Pillow would cut 16 bits at 255.
        grey = (np.asarray(image, dtype=np.int64) >> 8).clip(0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.array(image.convert("RGB"))


def _check_size(path: Readable, width: int, height: int) -> None:
    if width * height > MAX_IMAGE_MEGAPIXELS * 10**6:
        raise UnusableFileError(path, TOO_LARGE, "shrink it", f"{width}x{height}")
    if min(width, height) < MIN_IMAGE_PIXELS:
        reason = f"is smaller than {MIN_IMAGE_PIXELS} pixels"
        raise UnusableFileError(path, reason, "give a larger picture", f"{width}x{height}")


def _require_file(path: Readable) -> None:
    try:
        if isinstance(path, Member) or path.is_file():
            if (path.size if isinstance(path, Member) else path.stat().st_size) == 0:
                raise UnusableFileError(path, "is empty", "get it again, or leave it out", "0 bytes")
            return
        reason = "is no file" if path.exists() else "does not exist"
    except (OSError, ValueError) as error:
        raise UnusableFileError(path, "is no usable file name", "check the path", error) from None
    raise UnusableFileError(path, reason, "check the path")


def _guess(path: Readable) -> str:
    with open_readable(path) as file:
        start = file.read(512)
    return "it looks like a text file" if start.isascii() and b"\0" not in start else ""
