"""Texts of people are read with and without a byte order mark; other encodings are named."""

import pytest

from facegen.core.errors import DataError
from facegen.core.text.text_files import open_text, read_text

TEXT = "name,größe\nAda,Ω\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_mark_is_no_part_of_the_text(encoding, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(TEXT.encode(encoding))
    assert read_text(path) == TEXT
    with open_text(path, newline="") as file:
        assert list(file) == ["name,größe\n", "Ada,Ω\n"]


@pytest.mark.parametrize(
    ("encoding", "named"),
    [
        ("utf-16", "is encoded in UTF-16; save it in UTF-8"),
        ("utf-32", "is encoded in UTF-32; save it in UTF-8"),
        ("utf-16-le", "is encoded in UTF-16 or UTF-32, or is no text; save it in UTF-8"),
        ("utf-16-be", "is encoded in UTF-16 or UTF-32, or is no text; save it in UTF-8"),
    ],
)
def test_another_encoding_is_named(encoding, named, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(TEXT.encode(encoding))
    with pytest.raises(DataError) as raised:
        read_text(path)
    assert str(raised.value) == f"{path}: {named}"


@pytest.mark.parametrize("content", [b"", b"x", b"\xef\xbb\xbf"])
def test_short_files_are_texts(content, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    assert read_text(path) == content.decode("utf-8-sig")
