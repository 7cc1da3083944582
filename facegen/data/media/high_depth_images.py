"""Pictures of more than 8 bits a sample, as their files hold them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

WIDTH, HEIGHT, BITS, PHOTOMETRIC, KIND, SAMPLE_FORMAT, DNG_VERSION = 256, 257, 258, 262, 254, 339, 50706
"""Tags of TIFF."""
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
WHITE_IS_ZERO = 0
REDUCED = 1


@dataclass(frozen=True)
class HighDepthImage:
    """Samples as they are stored.

    Attributes:
        colours: (H, W) grey or (H, W, 3) RGB, of any type.
        opacity: (H, W), or None.
        bits: depth that the file declares, without the sign; None for floats.
        is_negative: 0 is white.
    """

    colours: NDArray[Any]
    opacity: NDArray[Any] | None
    bits: int | None
    is_negative: bool


def tiff_problem(stored: Image.Image) -> str:
    """Name what makes the first picture of a TIFF a stand-in for the real one; empty where it is the real one."""
    tags = getattr(stored, "tag_v2", {})
    if DNG_VERSION in tags:
        return "is a raw picture of a camera"
    return "begins with a preview of the picture" if tags.get(KIND, 0) & REDUCED else ""


def read_high_depth(
    stored: Image.Image | None, file: IO[bytes], check_size: Callable[[int, int], None] | None = None
) -> HighDepthImage | None:
    """Read samples of more than 8 bits; None where a file has none, or cannot be read at that depth.

    Pillow keeps 16 bits of grey alone; of colours it keeps the upper 8, which are black where 12 bits are used.

    Args:
        stored: what Pillow opened; None for a TIFF of a kind that it does not know.
        file: its bytes.
        check_size: raises where a size (width, height) is refused; for what Pillow did not open.
    Raises:
        Exception: the file is damaged; of any type.
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
    # Pillow refuses what is damaged or cut short, which OpenCV would fill up.
    stored.load()
    samples = _by_opencv(file)
    return None if samples is None or samples.dtype == np.uint8 else _split(samples, is_negative)


def _is_cut_to_8_bits(stored: Image.Image) -> bool:
    """Whether Pillow would keep the upper 8 bits of deeper samples."""
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
    """Part colours and opacity of (H, W) or (H, W, C)."""
    if bits is None and samples.dtype.kind in "iu":
        bits = 8 * samples.dtype.itemsize - (samples.dtype.kind == "i")
    if samples.ndim == 2 or samples.shape[2] == 3:
        return HighDepthImage(samples, None, bits, is_negative)
    return HighDepthImage(samples[:, :, :-1].squeeze(), samples[:, :, -1], bits, is_negative)


def _by_opencv(file: IO[bytes]) -> NDArray[Any] | None:
    """Samples in the order of RGB; None for what OpenCV does not know."""
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
