"""Images with more than 8 bits per sample, which must not become dark silently."""

import cv2
import numpy as np
import pytest
from media_files import MIN_IS_WHITE, png_bytes, png_chunk, tiff_bytes
from PIL import Image

from facegen.data.media.images import read_image
from facegen.data.media.media_files import MediaWarning, UnusableFileError

SCALED = "uses only part of its value range, and is scaled by that part"
COLOURS = ((np.indices((40, 32)).sum(0) * 3)[..., None] + np.array([0, 10, 20])).astype(np.uint8)
"""(40, 32, 3), the third channel from 20 to 230."""
GREY = COLOURS[..., 2]
AS_RGB = np.repeat(GREY[..., None], 3, axis=2)
OPAQUE = np.full(GREY.shape, 255)


def read(tmp_path, content):
    path, warnings = tmp_path / "picture", list[MediaWarning]()
    path.write_bytes(content)
    return read_image(path, warnings.append), warnings


def deep(samples, bits):
    """Store 8-bit samples in the upper bits of a given depth."""
    return samples.astype(np.uint16) << (bits - 8)


def orientation(value):
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
def test_a_16_bit_png_is_scaled_by_the_bits_that_it_uses(tmp_path, bits):
    kinds = {"grey": GREY, "colours": COLOURS, "alpha": np.dstack([COLOURS, OPAQUE]), "la": np.dstack([GREY, OPAQUE])}
    for name, samples in kinds.items():
        image, warnings = read(tmp_path, png_bytes(deep(samples, bits)))
        assert np.array_equal(image, AS_RGB if name in ("grey", "la") else COLOURS), name
        assert warnings == [MediaWarning(SCALED, f"white is {2**bits - 1} instead of 65535")]


def test_a_16_bit_png_that_uses_16_bits_is_unchanged(tmp_path):
    for samples, expected in ((GREY, AS_RGB), (COLOURS, COLOURS)):
        image, warnings = read(tmp_path, png_bytes(deep(samples, 16) + 77))
        assert np.array_equal(image, expected) and warnings == []


def test_alpha_is_scaled_separately(tmp_path):
    clear = OPAQUE.copy()
    clear[20:] = 0
    image, _ = read(tmp_path, png_bytes(np.dstack([deep(COLOURS, 12), clear * 257])))
    assert np.array_equal(image[:20], COLOURS[:20]) and (image[20:] == 255).all()


def test_high_depth_images_are_rotated_by_exif(tmp_path):
    exif = png_chunk(b"eXIf", orientation(6).tobytes()[6:])
    for samples, expected in ((GREY, AS_RGB), (COLOURS, COLOURS)):
        image, _ = read(tmp_path, png_bytes(deep(samples, 12), exif))
        assert np.array_equal(image, np.rot90(expected, -1))
    image, _ = read(tmp_path, tiff_bytes(deep(GREY, 16), _274=6))
    assert np.array_equal(image, np.rot90(AS_RGB, -1))


@pytest.mark.parametrize("dtype", ["<f4", "<f8"])
@pytest.mark.parametrize("white", [1.0, 255.0, 4095.0, 65535.0])
def test_a_float_tiff_is_scaled_by_its_range(tmp_path, dtype, white):
    image, warnings = read(tmp_path, tiff_bytes((GREY * (white / 255)).astype(dtype)))
    assert np.array_equal(image, AS_RGB)
    assert warnings == ([] if white == 1 else [MediaWarning(SCALED, f"white is {white:g} instead of 1")])


def test_a_float_tiff_in_colour(tmp_path):
    content = cv2.imencode(".tif", (COLOURS[..., ::-1] / 255).astype(np.float32))[1].tobytes()
    assert np.array_equal(read(tmp_path, content)[0], COLOURS)
    with pytest.raises(UnusableFileError, match="is a damaged image"):
        read(tmp_path, content[: len(content) // 2])


@pytest.mark.parametrize(
    ("samples", "why"),
    [
        (np.where(GREY == 50, np.nan, GREY / 255), "some samples are not finite"),
        (np.where(GREY == 50, np.inf, GREY / 255), "some samples are not finite"),
        (GREY / 127.5 - 1, "its samples range from -0.843137 to 0.803922"),
        (GREY / 127.5, "its samples range from 0.156863 to 1.80392, nearly all below 31.875"),
        (GREY / 2550, "its samples range from 0.00784314 to 0.0901961, nearly all below 0.125"),
        (GREY * 1e6, "its samples range from 2e+07 to 2.3e+08"),
    ],
)
def test_floats_of_an_unknown_range_are_refused(tmp_path, samples, why):
    with pytest.raises(UnusableFileError) as caught:
        read(tmp_path, tiff_bytes(samples.astype("<f4")))
    assert caught.value.reason == "has samples whose range cannot be determined"
    assert f"({why}); save it with 8 bits" in str(caught.value)


def test_a_float_image_may_exceed_its_range_slightly(tmp_path):
    image, warnings = read(tmp_path, tiff_bytes((GREY / 255 * 1.06 - 0.03).astype("<f4")))
    expected = np.clip(np.rint(AS_RGB * 1.06 - 0.03 * 255), 0, 255)
    assert np.abs(image - expected).max() <= 1 and warnings == []


def test_almost_black_images_are_refused(tmp_path):
    for samples in (GREY // 50, np.zeros_like(GREY)):
        with pytest.raises(UnusableFileError, match=r"range cannot be determined .*nearly all below 31\.875"):
            read(tmp_path, png_bytes(samples.astype(np.uint16)))
    spoilt = deep(GREY, 12)
    spoilt[0, 0] = 65535
    with pytest.raises(UnusableFileError, match=r"range cannot be determined .*nearly all below 8191\.88"):
        read(tmp_path, png_bytes(spoilt))


@pytest.mark.parametrize(
    "samples",
    [
        GREY.astype("<u2") * 256, GREY.astype("<i2") * 128, GREY.astype("<u4") * 2**24, GREY.astype("<i4") * 2**23,
        GREY.astype("<u2") * 16, GREY.astype("<u4"),
    ],
    ids=["u16", "i16", "u32", "i32", "12 of 16 bits", "8 of 32 bits"],
)  # fmt: skip
def test_integers_of_any_width(tmp_path, samples):
    assert np.array_equal(read(tmp_path, tiff_bytes(samples))[0], AS_RGB)


def test_an_image_with_white_at_zero_is_inverted(tmp_path):
    inverted = 255 - GREY.astype(np.uint16)
    for samples in (inverted.astype(np.uint8), (inverted * 256 + 255), inverted * 16, (inverted / 255).astype("<f4")):
        image, _ = read(tmp_path, tiff_bytes(samples, MIN_IS_WHITE))
        assert np.array_equal(image, AS_RGB), samples.dtype


def test_portable_maps_of_any_depth(tmp_path):
    for maximum, samples in ((65535, deep(GREY, 12)), (4095, deep(GREY, 12)), (65535, GREY * np.uint16(257))):
        content = b"P5 32 40 %d\n" % maximum + samples.astype(">u2").tobytes()
        assert np.array_equal(read(tmp_path, content)[0], AS_RGB)
    for maximum in (65535, 4095):
        content = b"P6 32 40 %d\n" % maximum + deep(COLOURS, 12).astype(">u2").tobytes()
        assert np.array_equal(read(tmp_path, content)[0], COLOURS)
    content = b"Pf\n32 40\n-1.0\n" + (GREY[::-1] / 255).astype("<f4").tobytes()
    assert np.array_equal(read(tmp_path, content)[0], AS_RGB)


def test_damaged_and_huge_high_depth_images_are_refused_silently(tmp_path, capfd):
    noise = np.random.default_rng(0).integers(0, 4096, (40, 32, 3))
    with pytest.raises(UnusableFileError, match="is a damaged image"):
        read(tmp_path, png_bytes(noise)[:3000])
    with pytest.raises(UnusableFileError, match=r"has more than 64 megapixels \(20000x20000\)"):
        read(tmp_path, tiff_bytes(GREY.astype("<f8"), size=(20000, 20000)))
    with pytest.raises(UnusableFileError, match="is a TIFF of an unsupported kind; save it as PNG"):
        read(tmp_path, tiff_bytes((GREY / 255).astype("<f2")))
    assert capfd.readouterr() == ("", "")
