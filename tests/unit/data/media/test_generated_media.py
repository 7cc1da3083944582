"""Marks of generated files are read back by other programs' readers: Pillow, FFmpeg, an XML parser, block walkers."""

import io
import re
from pathlib import Path
from xml.etree import ElementTree

import av
import numpy as np
import pytest
from PIL import Image

import facegen
from facegen.core.errors import DataError
from facegen.data.media.generated_media import encode_picture, mark_of, save_film, save_picture, set_mark
from facegen.data.media.marking import Mark

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
MARK = Mark("speech-64 <&>", 7, "Enlarged from 48 to 128 pixels.", version="1.2.3")
NAMES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "ext": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "dc": "http://purl.org/dc/elements/1.1/",
}
RAMP = np.linspace(20, 220, 49, dtype=np.uint8)
FRAMES = np.stack(
    [np.stack(np.broadcast_arrays(RAMP, RAMP[:, None], RAMP[10 * number]), axis=2) for number in range(4)]
)
"""Red grows to the right and green downwards, which every format keeps."""


def check_xmp(packet: bytes | str) -> None:
    """Parse a packet, and compare the mark in it with MARK."""
    (description,) = ElementTree.fromstring(packet).findall("rdf:RDF/rdf:Description", NAMES)
    assert description.findtext("ext:DigitalSourceType", None, NAMES) == SOURCE_TYPE
    assert description.findtext("ext:AISystemUsed", None, NAMES) == "facegen, model speech-64 <&>"
    assert description.findtext("xmp:CreatorTool", None, NAMES) == "facegen 1.2.3"
    sentence = description.findtext("dc:description/rdf:Alt/rdf:li", "", NAMES)
    assert sentence.endswith("Model speech-64 <&>, seed 7. Enlarged from 48 to 128 pixels.")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG", ".webp"])
def test_a_picture_holds_the_mark(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / "new" / f"face{suffix}"
    save_picture(Image.fromarray(FRAMES[0]), path, MARK)
    with Image.open(path) as picture:
        check_xmp(picture.info["xmp"])
        difference = np.abs(np.asarray(picture.convert("RGB")).astype(int) - FRAMES[0])
        assert difference.mean() < (1 if suffix == ".png" else 8)
    assert [written.name for written in path.parent.iterdir()] == [path.name]


def test_a_png_names_model_version_and_seed_in_texts() -> None:
    with Image.open(io.BytesIO(encode_picture(Image.fromarray(FRAMES[0]), "PNG", MARK))) as picture:
        texts = dict(picture.text)
    assert (texts["Model"], texts["Software"], texts["Seed"]) == ("speech-64 <&>", "facegen 1.2.3", "7")
    assert texts["DigitalSourceType"] == SOURCE_TYPE


def gif_extensions(content: bytes) -> dict[bytes, bytes]:
    """Walk the blocks of a GIF: {application: bytes from its data to the end of its chain of sub-blocks}."""
    place, extensions = 13 + 3 * 2 ** ((content[10] & 7) + 1) * (content[10] >> 7), {}

    def end_of_chain(start: int) -> int:
        while content[start]:
            start += content[start] + 1
        return start + 1

    while content[place] != 0x3B:
        if content[place] == 0x2C:
            flags = content[place + 9]
            place = end_of_chain(place + 10 + 3 * 2 ** ((flags & 7) + 1) * (flags >> 7) + 1)
            continue
        assert content[place] == 0x21
        end = end_of_chain(place + 2)
        if content[place + 1] == 0xFF:
            extensions[content[place + 3 : place + 14]] = content[place + 14 : end]
        place = end
    assert place == len(content) - 1
    return extensions


def test_a_gif_holds_the_mark_and_still_plays(tmp_path: Path) -> None:
    path = tmp_path / "film.gif"
    save_film(FRAMES, path, 12, MARK)
    packet = gif_extensions(path.read_bytes())[b"XMP DataXMP"]
    check_xmp(packet[:-258])
    with Image.open(path) as film:
        assert (film.n_frames, film.info["loop"], film.info["comment"].decode()) == (4, 0, MARK.description)
    with av.open(str(path)) as film:
        assert sum(1 for _ in film.decode(video=0)) == 4


def test_an_mp4_holds_the_mark_and_still_plays(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    save_film(FRAMES, path, 12, MARK)
    with av.open(str(path), options={"export_xmp": "1"}) as film:
        check_xmp(film.metadata["xmp"])
        assert film.metadata["comment"] == MARK.description
        assert sum(1 for _ in film.decode(video=0)) == 4
    assert [written.name for written in tmp_path.iterdir()] == ["film.mp4"]


def test_a_mark_stays_with_copies_and_resized_copies() -> None:
    face = set_mark(Image.fromarray(FRAMES[0]), MARK)
    assert mark_of(face.copy()) == mark_of(face.resize((90, 90))) == mark_of(face.crop((0, 0, 20, 20))) == MARK
    with pytest.raises(DataError, match="was not drawn by facegen"):
        mark_of(Image.fromarray(FRAMES[0]))


SAVES_PICTURES = {
    "facegen/data/media/generated_media.py": "every generated picture",
    "facegen/data/media/video_encoding.py": "frames of a film, which generated_media marks",
    "facegen/data/media/grids.py": "contact sheets of a corpus",
    "facegen/evaluation/render/html.py": "pictures of a report, whose marks it copies",
    "facegen/collect/review/page.py": "faces of a corpus",
    "facegen/collect/video/examine.py": "faces of a corpus",
    "facegen/data/importers/export_shards.py": "faces of a corpus",
}


def test_no_other_module_writes_pictures() -> None:
    """A generated picture can only leave facegen through the function that marks it."""
    package = Path(facegen.__file__).parent
    writes = r"\.save\([^)]*(format=|quality=|\.png)|imwrite|imsave|\b(encode_gif|encode_mp4)\("
    writers = {
        path.relative_to(package.parent).as_posix()
        for path in package.rglob("*.py")
        if re.search(writes, path.read_text(encoding="utf-8"))
    }
    assert writers == set(SAVES_PICTURES)
    users = [path.name for path in package.rglob("*.py") if "save_png" in path.read_text(encoding="utf-8")]
    assert sorted(users) == ["grids.py", "inspect.py"]


def test_unknown_suffixes_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"face\.bmp: the suffix of a picture must be one of \.png"):
        save_picture(Image.fromarray(FRAMES[0]), tmp_path / "face.bmp", MARK)
    with pytest.raises(DataError, match=r"the suffix of a film must be one of \.gif, \.mp4"):
        save_film(FRAMES, tmp_path / "film.avi", 12, MARK)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "sizes"), [("a.jpg", (65_501, 1)), ("a.webp", (1, 16_384)), ("a.gif", (65_536, 1)), ("a.mp4", (40_000, 2))]
)
def test_a_picture_beyond_the_limits_of_its_format_is_refused(
    tmp_path: Path, name: str, sizes: tuple[int, int]
) -> None:
    width, height = sizes
    with pytest.raises(DataError, match=f"{width} x {height} pixels"):
        if name.endswith(("gif", "mp4")):
            save_film(np.zeros((1, height, width, 3), np.uint8), tmp_path / name, 2, MARK)
        else:
            save_picture(Image.new("RGB", (width, height)), tmp_path / name, MARK)
    assert not list(tmp_path.iterdir())


def test_a_name_that_is_not_utf8_or_holds_control_characters_is_marked_as_escapes(tmp_path):
    save_picture(Image.fromarray(FRAMES[0]), tmp_path / "a.png", Mark("r\udcff\x1b[31m", 7))
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.info["Model"] == "r\\udcff\\x1b[31m"
