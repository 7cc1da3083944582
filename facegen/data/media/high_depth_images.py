"""Reading of images with more than 8 bits per sample, at their stored depth."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

WIDTH, HEIGHT, BITS, PHOTOMETRIC, KIND, SAMPLE_FORMAT, DNG_VERSION = 256, 257, 258, 262, 254, 339, 50706
"""TIFF tags."""
UNSIGNED, SIGNED = 1, 2
WHITE_IS_ZERO = 0
REDUCED = 1


@dataclass(frozen=True)
class HighDepthImage:
    """Samples of an image at their stored depth.

    Attributes:
        colours: (H, W) grey or (H, W, 3) RGB, of any type.
        opacity: (H, W) alpha channel, or None.
        bits: declared bit depth without the sign; None for floats.
        is_negative: True if 0 is white.
    """

    colours: NDArray[Any]
    opacity: NDArray[Any] | None
    bits: int | None
    is_negative: bool


def tiff_problem(stored: Image.Image) -> str:
    """Detect a TIFF whose first image is only a preview; return the reason to refuse it, or an empty text."""
    tags = getattr(stored, "tag_v2", {})
    if DNG_VERSION in tags:
        return "is a camera raw image"
    return "begins with a preview of the image" if tags.get(KIND, 0) & REDUCED else ""


def read_high_depth(
    stored: Image.Image | None, file: IO[bytes], check_size: Callable[[int, int], None] | None = None
) -> HighDepthImage | None:
    """Read samples of more than 8 bits; return None if the file has none, or cannot be read at that depth.

    Pillow keeps 16 bits for grey images only. For colours it keeps the upper 8 bits, which are black if only 12 of 16
    bits are used.

    Args:
        stored: the image opened by Pillow; None for a TIFF that Pillow does not support.
        file: its bytes.
        check_size: raises an error if a size (width, height) is not allowed; for files that Pillow did not open.
    Raises:
        Exception: the file is damaged; the type depends on the decoder.
    """
    tags = _tiff_tags(file) if stored is None else getattr(stored, "tag_v2", {})
    is_negative = tags.get(PHOTOMETRIC) == WHITE_IS_ZERO
    if stored is None:
        if check_size is not None:
            check_size(int(tags[WIDTH]), int(tags[HEIGHT]))
        samples = _by_opencv(file)
        return None if samples is None else _split(samples, is_negative)
    if stored.mode.startswith("I") or stored.mode == "F":
        return _split(_grey(stored, tags), is_negative, _declared_bits(stored, tags))
    if not _is_cut_to_8_bits(stored):
        return None
    # Pillow refuses damaged or truncated files, whose missing parts OpenCV would fill.
    stored.load()
    samples = _by_opencv(file)
    return None if samples is None or samples.dtype == np.uint8 else _split(samples, is_negative)


def _is_cut_to_8_bits(stored: Image.Image) -> bool:
    """Check whether Pillow would keep only the upper 8 bits of the samples."""
    tiles = getattr(stored, "tile", ())
    words = [word for tile in tiles for word in (tile[3] if isinstance(tile[3], tuple) else (tile[3],))]
    if stored.format == "PPM":
        return any(isinstance(word, int) and word > 255 for word in words)
    return stored.mode in ("RGB", "RGBA") and any(isinstance(word, str) and ";16" in word for word in words)


def _grey(stored: Image.Image, tags: Any) -> NDArray[Any]:
    samples = np.asarray(stored)
    is_unsigned = UNSIGNED in _sample_formats(tags)
    return samples.view(np.uint32) if samples.dtype == np.int32 and is_unsigned else samples


def _declared_bits(stored: Image.Image, tags: Any) -> int | None:
    if stored.mode == "F":
        return None
    bits = tags.get(BITS)
    depth = int(bits[0] if isinstance(bits, tuple) else bits) if bits else 16
    return depth - 1 if SIGNED in _sample_formats(tags) else depth


def _sample_formats(tags: Any) -> tuple[int, ...]:
    formats = tags.get(SAMPLE_FORMAT, (UNSIGNED,)) if tags else ()
    return formats if isinstance(formats, tuple) else (formats,)


def _split(samples: NDArray[Any], is_negative: bool, bits: int | None = None) -> HighDepthImage:
    """Split (H, W) or (H, W, C) samples into colours and opacity."""
    if bits is None and samples.dtype.kind in "iu":
        bits = 8 * samples.dtype.itemsize - (samples.dtype.kind == "i")
    if samples.ndim == 2 or samples.shape[2] == 3:
        return HighDepthImage(samples, None, bits, is_negative)
    return HighDepthImage(samples[:, :, :-1].squeeze(), samples[:, :, -1], bits, is_negative)


def _by_opencv(file: IO[bytes]) -> NDArray[Any] | None:
    """Decode with OpenCV, channels in RGB order; None if OpenCV does not support the file."""
    file.seek(0)
    logging = cv2.utils.logging
    level = logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        samples = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    finally:
        logging.setLogLevel(level)
    if samples is None:
        return None
    colours = np.asarray(samples)
    return colours if colours.ndim == 2 else colours[:, :, [2, 1, 0, 3][: colours.shape[2]]]


def _tiff_tags(file: IO[bytes]) -> Any:
    file.seek(0)
    tags = TiffImagePlugin.ImageFileDirectory_v2(file.read(8))
    file.seek(tags.next)
    tags.load(file)
    return tags
