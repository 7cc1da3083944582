"""Files of generated pictures and films; every one is marked as generated."""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from facegen.core.errors import DataError
from facegen.core.files import replacing, write_file
from facegen.data.media.marking import Mark, jpeg_segment, mark_gif, mp4_box
from facegen.data.media.video_encoding import encode_gif, encode_mp4

PICTURE_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
FILM_SUFFIXES = (".gif", ".mp4")
MAX_SIDE_PIXELS = {"JPEG": 65_500, "WEBP": 16_383, "GIF": 65_535}
"""Largest width and height of the formats; a PNG has no limit in practice, and that of an MP4 is its encoder's."""
_QUALITY = 92
_INFO = "facegen_mark"
"""Key of `Image.info` that holds the Mark of a picture in memory; copies and resized copies keep it."""


def set_mark(picture: Image.Image, mark: Mark) -> Image.Image:
    """Attach a mark to a picture in memory, so that `mark_of` returns it; return the picture."""
    picture.info[_INFO] = mark
    return picture


def mark_of(picture: Image.Image) -> Mark:
    """Return the mark of a picture in memory.

    Raises:
        DataError: it has none.
    """
    mark = picture.info.get(_INFO) if isinstance(picture, Image.Image) else None
    if not isinstance(mark, Mark):
        raise DataError("the picture was not drawn by facegen, or has lost its mark: save it with its own `save`")
    return mark


def encode_picture(picture: Image.Image, picture_format: str, mark: Mark) -> bytes:
    """Encode a picture with its mark.

    Args:
        picture: the picture.
        picture_format: "PNG", "JPEG" or "WEBP".
        mark: stored as XMP, and in a PNG also as texts.
    """
    content = io.BytesIO()
    if picture_format == "PNG":
        texts = PngImagePlugin.PngInfo()
        for keyword, text in mark.texts().items():
            texts.add_itxt(keyword, text)
        texts.add_itxt("XML:com.adobe.xmp", mark.xmp().decode())
        picture.save(content, format="PNG", pnginfo=texts)
    elif picture_format == "JPEG":
        picture.convert("RGB").save(
            content, format="JPEG", quality=_QUALITY, subsampling=0, extra=jpeg_segment(mark)
        )  # fmt: skip
    else:
        picture.convert("RGB").save(content, format="WEBP", quality=_QUALITY, xmp=mark.xmp())
    return content.getvalue()


def save_picture(picture: Image.Image, path: Path, mark: Mark) -> None:
    """Write a generated picture with its mark, atomically; the suffix gives the format.

    Raises:
        DataError: the suffix is none of PICTURE_FORMATS, or the picture is too large for the format.
    """
    picture_format = PICTURE_FORMATS.get(path.suffix.lower())
    if picture_format is None:
        raise DataError(f"{path}: the suffix of a picture must be one of {', '.join(PICTURE_FORMATS)}")
    _require_side(path, picture_format, *picture.size)
    write_file(path, encode_picture(picture, picture_format, mark))


def stored_xmp(picture: Image.Image) -> bytes:
    """Return the XMP packet of a picture that was read from a file, for its conversion to another format."""
    packet = picture.info.get("xmp") or picture.info.get("XML:com.adobe.xmp") or b""
    return packet if isinstance(packet, bytes) else packet.encode()


def save_film(frames: NDArray[np.uint8], path: Path, frames_per_second: int, mark: Mark) -> None:
    """Write generated frames as a film with its mark, atomically; the suffix gives the format.

    Args:
        frames: (T, H, W, 3) uint8.
        path: .gif, which loops, or .mp4.
        frames_per_second: frame rate.
        mark: stored as XMP and as a comment.
    Raises:
        DataError: the suffix is none of FILM_SUFFIXES, the frames are too large for the format, or this build of PyAV
            cannot encode MP4.
    """
    _require_side(path, path.suffix[1:].upper(), frames.shape[2], frames.shape[1])
    if path.suffix.lower() == ".gif":
        write_file(path, mark_gif(encode_gif(frames, frames_per_second, mark.description), mark))
    elif path.suffix.lower() == ".mp4":
        with replacing(path) as part:
            encode_mp4(frames, part, frames_per_second, mark.description)
            with part.open("ab") as file:
                file.write(mp4_box(mark))
    else:
        raise DataError(f"{path}: the suffix of a film must be one of {', '.join(FILM_SUFFIXES)}")


def _require_side(path: Path, file_format: str, width: int, height: int) -> None:
    limit = MAX_SIDE_PIXELS.get(file_format, max(width, height))
    if max(width, height) > limit:
        raise DataError(
            f"{path}: {width} x {height} pixels are too many for {file_format}, which allows {limit} on a side; give "
            f"another format, a smaller size, or fewer people"
        )
