"""Reading of image files as upright 8-bit RGB; images that cannot be read faithfully are refused."""

import io
import warnings
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, ImageOps, features

from facegen.data.media.high_depth_images import HighDepthImage, read_high_depth, tiff_problem
from facegen.data.media.media_files import (
    MediaWarning,
    OnWarning,
    Readable,
    UnusableFileError,
    check_is_file,
    file_type_by_content,
    issue_python_warnings,
    open_readable,
)
from facegen.data.media.pixel_range import UnknownRangeError, opacity_to_8_bits, to_8_bits

MIN_IMAGE_PIXELS = 16
MAX_IMAGE_MEGAPIXELS = 64
TOO_LARGE = f"has more than {MAX_IMAGE_MEGAPIXELS} megapixels"
IMAGE_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "PPM", "TIFF", "GIF", *(["AVIF"] if features.check("avif") else []))
"""A subset of the formats of Pillow, whose EPS reader runs an external program."""
CONVERT_HEIC = "convert it to JPEG or PNG, with `heif-convert IN.heic OUT.jpg` or a viewer's export"


def read_image(path: Readable, on_warning: OnWarning | None = None) -> NDArray[np.uint8]:
    """Read an image: (H, W, 3) uint8, sRGB.

    The image is rotated by its EXIF orientation, transparent parts become white, and samples of more than 8 bits are
    scaled by the range that they use. Of several images in a file, the first is read.

    Pillow is used, not OpenCV: it knows the size before it decodes, and refuses a truncated file, where older versions
    of OpenCV fill the rest with grey and newer ones write to stderr.

    Args:
        path: the file.
        on_warning: receives each fault of an image that is used nevertheless; by default, faults are Python warnings.
    Raises:
        UnusableFileError: the file does not exist, is not an image, is too small for a face, or has samples whose
            range cannot be determined.
    """
    check_is_file(path)
    on_warning = on_warning or issue_python_warnings(path)
    # Metadata that Pillow cannot read affects no pixel, and its warnings do not name the file.
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
    try:
        with open_readable(path) as file:
            return _read(path, file, on_warning)
    except UnusableFileError:
        raise
    except UnknownRangeError as error:
        advice = "save it with 8 bits, or with samples that use the whole range of their type"
        raise UnusableFileError(path, "has samples whose range cannot be determined", advice, error) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UnusableFileError(path, TOO_LARGE, "shrink it") from None
    except Exception as error:  # a decoder may raise anything on damaged bytes
        raise UnusableFileError(path, "is a damaged image", "get it again, or leave it out", error) from None


def square_face(image: NDArray[np.uint8], pixels: int) -> NDArray[np.uint8]:
    """Crop the middle square of an image, and resize it: (H, W, 3) -> (pixels, pixels, 3)."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = image[top : top + side, left : left + side]
    if side == pixels:
        return np.ascontiguousarray(square)
    method = cv2.INTER_AREA if side > pixels else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(square, (pixels, pixels), interpolation=method), dtype=np.uint8)


def _read(path: Readable, file: Any, on_warning: OnWarning) -> NDArray[np.uint8]:
    try:
        stored = Image.open(file, formats=IMAGE_FORMATS)
    except Image.UnidentifiedImageError:
        return _read_unidentified(path, on_warning)
    with stored:
        _check_size(path, *stored.size)
        if stored.format == "TIFF" and (problem := tiff_problem(stored)):
            raise UnusableFileError(path, problem, "convert it to JPEG or PNG with a program that can show it")
        if getattr(stored, "is_animated", False) and stored.format != "MPO":
            on_warning(MediaWarning("holds several images; only the first is used"))
        deep = read_high_depth(stored, file)
        image = _from_deep(deep, on_warning) if deep is not None else _from_8_bits(stored, on_warning)
        return np.array(_upright(image, stored))


def _read_unidentified(path: Readable, on_warning: OnWarning) -> NDArray[np.uint8]:
    """Read a TIFF that Pillow does not support, such as 64-bit floats; other types are refused by name."""
    kind = file_type_by_content(path)
    if kind == "TIFF":
        with open_readable(path) as file:
            deep = read_high_depth(None, file, lambda width, height: _check_size(path, width, height))
        if deep is None:
            advice = "save it as PNG, or as a TIFF of 8 or 16 bits"
            raise UnusableFileError(path, "is a TIFF of an unsupported kind", advice)
        return np.array(_from_deep(deep, on_warning))
    if kind in ("HEIC", "AVIF"):
        extension_note = (
            "" if str(path).lower().endswith((f".{kind.lower()}", ".heif")) else "in spite of its extension"
        )
        advice = CONVERT_HEIC if kind == "HEIC" else "convert it to JPEG or PNG, or install pillow>=11.3"
        raise UnusableFileError(path, f"is {kind}, which cannot be read here", advice, extension_note)
    advice = f"give a file of type {', '.join(IMAGE_FORMATS)}"
    detail = f"it looks like {_with_article(kind)}" if kind else ""
    raise UnusableFileError(path, "is not an image", advice, detail)


def _with_article(kind: str) -> str:
    return "a text file" if kind == "text" else f"{kind}" if kind.isupper() else f"a {kind}"


def _from_deep(deep: HighDepthImage, on_warning: OnWarning) -> Image.Image:
    """Scale colours and alpha channel separately to 8 bits."""
    colours, scale = to_8_bits(deep.colours, deep.bits)
    if scale:
        on_warning(MediaWarning("uses only part of its value range, and is scaled by that part", scale))
    if deep.is_negative:
        colours = 255 - colours
    if colours.ndim == 2:
        colours = np.repeat(colours[:, :, None], 3, axis=2)
    if deep.opacity is None:
        return Image.fromarray(colours)
    opacity = opacity_to_8_bits(deep.opacity, deep.bits)
    return _on_white(Image.fromarray(np.dstack([colours, opacity])), on_warning)


def _from_8_bits(stored: Image.Image, on_warning: OnWarning) -> Image.Image:
    stored.load()
    image = _on_white(stored.convert("RGBA"), on_warning) if stored.has_transparency_data else stored
    return _in_srgb(image, stored.info.get("icc_profile")) or image.convert("RGB")


def _on_white(image: Image.Image, on_warning: OnWarning) -> Image.Image:
    """Blend an RGBA image with white; if it would be transparent everywhere, its alpha channel is ignored."""
    if image.getchannel("A").getextrema() == (0, 0):
        on_warning(MediaWarning("is transparent everywhere, and is used as if it were opaque"))
        return image.convert("RGB")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image | None:
    """Convert the colours of an image by its profile; None if it has none, an sRGB one, or one that cannot be read."""
    if not profile or image.mode not in ("RGB", "CMYK"):
        return None
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if own.profile.xcolor_space.strip() != image.mode or "srgb" in ImageCms.getProfileName(own).lower():
            return None
        converted = ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    return converted


def _upright(image: Image.Image, stored: Image.Image) -> Image.Image:
    """Rotate an image by the EXIF orientation of its file; damaged EXIF data is ignored."""
    try:
        orientation = stored.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # a decoder may raise anything on damaged bytes
        return image
    if orientation is None:
        return image
    image.getexif()[ExifTags.Base.Orientation] = orientation
    return ImageOps.exif_transpose(image)


def _check_size(path: Readable, width: int, height: int) -> None:
    if width * height > MAX_IMAGE_MEGAPIXELS * 10**6:
        raise UnusableFileError(path, TOO_LARGE, "shrink it", f"{width}x{height}")
    if min(width, height) < MIN_IMAGE_PIXELS:
        reason = f"is smaller than {MIN_IMAGE_PIXELS} pixels"
        raise UnusableFileError(path, reason, "give a larger image", f"{width}x{height}")
