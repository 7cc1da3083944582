"""Image formats that are easily read wrongly, or not recognised."""

import io
import warnings

import numpy as np
import pytest
from media_files import tiff_bytes
from PIL import Image, ImageCms, features

from facegen.data.media.images import read_image
from facegen.data.media.media_files import MediaWarning, UnusableFileError, file_type_by_content

COLOURS = ((np.indices((40, 32)).sum(0) * 3)[..., None] + np.array([0, 10, 20])).astype(np.uint8)
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def orientation(value):
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def read(tmp_path, content, name="picture"):
    path, warnings = tmp_path / name, list[MediaWarning]()
    path.write_bytes(content)
    return read_image(path, warnings.append), [str(warning) for warning in warnings]


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")
def test_avif_is_read(tmp_path):
    image, warnings = read(tmp_path, encoded(Image.fromarray(COLOURS), "AVIF", quality=100))
    assert np.abs(image.astype(int) - COLOURS).max() <= 2 and warnings == []
    turned, _ = read(tmp_path, encoded(Image.fromarray(COLOURS), "AVIF", quality=100, exif=orientation(6)))
    assert np.abs(turned.astype(int) - np.rot90(COLOURS, -1)).max() <= 2


def test_avif_is_refused_by_name_if_pillow_lacks_it(tmp_path, monkeypatch):
    monkeypatch.setattr("facegen.data.media.images.IMAGE_FORMATS", ("JPEG", "PNG"))
    with pytest.raises(UnusableFileError, match=r"is AVIF, which cannot be read here; .*pillow>=11\.3"):
        read(tmp_path, b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf" + bytes(100), "a.avif")


@pytest.mark.parametrize("name", ["a.heic", "a.HEIF", "a.jpg"])
def test_heic_is_refused_by_name(tmp_path, name):
    with pytest.raises(UnusableFileError) as caught:
        read(tmp_path, HEIC, name)
    assert caught.value.reason == "is HEIC, which cannot be read here"
    assert "convert it to JPEG or PNG, with `heif-convert IN.heic OUT.jpg`" in str(caught.value)
    assert ("(in spite of its extension)" in str(caught.value)) == (name == "a.jpg")


KINDS = {
    "HEIC": b"\0\0\0\x1cftypmsf1\0\0\0\0msf1hevcmif1" + bytes(50),
    "JPEG XL": b"\xff\x0a" + bytes(50),
    "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n",
    "Photoshop": b"8BPS\0\1",
    "PDF": b"%PDF-1.7\n",
    "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "video or audio file": b"\0\0\0\x18ftypisom\0\0\0\0isomavc1",
    "camera raw image": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
    "text": b"<!DOCTYPE html><title>404</title>",
}


@pytest.mark.parametrize("kind", KINDS)
def test_other_file_types_are_recognised_by_their_bytes(tmp_path, kind):
    path = tmp_path / "a.jpg"
    path.write_bytes(KINDS[kind])
    assert file_type_by_content(path) == kind
    with pytest.raises(UnusableFileError, match="a text file" if kind == "text" else kind):
        read_image(path)


def test_previews_of_raw_images_are_refused(tmp_path):
    grey = COLOURS[..., 0]
    with pytest.raises(UnusableFileError, match="begins with a preview of the image; convert it"):
        read(tmp_path, tiff_bytes(grey, _254=1))
    with pytest.raises(UnusableFileError, match="is a camera raw image; convert it"):
        read(tmp_path, tiff_bytes(grey, _50706=0x401))
    assert np.array_equal(read(tmp_path, tiff_bytes(grey, _254=0))[0][..., 1], grey)


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_every_orientation_of_exif(tmp_path, kind, value):
    upright = np.repeat(np.repeat(np.arange(6).reshape(3, 2) * 40, 16, axis=0), 16, axis=1).astype(np.uint8)
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1], 5: upright.T,
        6: np.rot90(upright), 7: upright[::-1, ::-1].T, 8: np.rot90(upright, -1),
    }[value]  # fmt: skip
    options = {"quality": 100} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    content = encoded(Image.fromarray(np.repeat(stored[..., None], 3, 2)), kind, exif=orientation(value), **options)
    image, _ = read(tmp_path, content)
    assert image.shape == (48, 32, 3) and np.abs(image[..., 0].astype(int) - upright).max() <= 2


def test_damaged_exif_is_ignored(tmp_path):
    content = encoded(Image.fromarray(COLOURS), "PNG", exif=b"Exif\0\0II*\0\xff\xff\xff\xffgarbage")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(read(tmp_path, content)[0], COLOURS)


def test_cmyk_is_converted_by_its_profile(tmp_path):
    picture = Image.fromarray(COLOURS).convert("CMYK")
    for content in (encoded(picture, "JPEG", quality=100), encoded(picture, "TIFF")):
        assert np.abs(read(tmp_path, content)[0].astype(int) - COLOURS).max() <= 3


def test_colours_of_a_profile_become_srgb(tmp_path):
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    content = encoded(Image.fromarray(COLOURS), "PNG", icc_profile=tobytes(srgb))
    assert np.array_equal(read(tmp_path, content)[0], COLOURS)
    # A profile of another colour space than that of the image, or a damaged one, is ignored.
    for profile in (tobytes(lab), tobytes(srgb)[:200], b"none"):
        content = encoded(Image.fromarray(COLOURS), "PNG", icc_profile=profile)
        assert np.array_equal(read(tmp_path, content)[0], COLOURS)
    swapped = swapped_primaries(tobytes(srgb))
    image, _ = read(tmp_path, encoded(Image.fromarray(COLOURS), "PNG", icc_profile=swapped))
    assert np.abs(image.astype(int) - COLOURS[..., ::-1]).max() <= 2


def tobytes(profile):
    return ImageCms.ImageCmsProfile(profile).tobytes()


def swapped_primaries(profile):
    """Make an sRGB profile with swapped red and blue, under another name."""
    return (
        profile.replace(b"rXYZ", b"tXYZ")
        .replace(b"bXYZ", b"rXYZ")
        .replace(b"tXYZ", b"bXYZ")
        .replace("sRGB".encode("utf-16-be"), "BGRs".encode("utf-16-be"))
    )


def test_a_completely_transparent_image_is_used(tmp_path):
    clear = np.dstack([COLOURS, np.zeros(COLOURS.shape[:2], np.uint8)])
    image, warnings = read(tmp_path, encoded(Image.fromarray(clear), "PNG"))
    assert np.array_equal(image, COLOURS)
    assert warnings == ["is transparent everywhere, and is used as if it were opaque"]


def test_transparent_pixels_are_blended_with_white(tmp_path):
    half = np.dstack([COLOURS, np.full(COLOURS.shape[:2], 128, np.uint8)])
    for content in (encoded(Image.fromarray(half), "PNG"), encoded(Image.fromarray(half), "WEBP", lossless=True)):
        expected = COLOURS * (128 / 255) + 255 * (127 / 255)
        assert np.abs(read(tmp_path, content)[0] - expected).max() <= 1


def test_the_first_of_several_images_is_used_with_a_warning(tmp_path):
    first, second = Image.fromarray(COLOURS), Image.fromarray(255 - COLOURS)
    for kind, options in (("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})):
        content = encoded(first, kind, save_all=True, append_images=[second], **options)
        image, warnings = read(tmp_path, content)
        assert np.array_equal(image, COLOURS), kind
        assert warnings == ["holds several images; only the first is used"]


def test_without_a_receiver_faults_are_python_warnings(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encoded(Image.fromarray(np.dstack([COLOURS, COLOURS[..., 0] * 0])), "PNG"))
    with pytest.warns(UserWarning, match=r"a\.png: is transparent everywhere"):
        read_image(path)
