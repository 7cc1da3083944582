"""UTF-8 files are read with and without a byte order mark; other encodings are refused by name."""

import pytest

from facegen.core.errors import DataError
from facegen.core.text.text_files import open_text, read_text

TEXT = "name,größe\nAda,Ω\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_byte_order_mark_is_not_part_of_the_text(encoding, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(TEXT.encode(encoding))
    assert read_text(path) == TEXT
    with open_text(path, newline="") as file:
        assert list(file) == ["name,größe\n", "Ada,Ω\n"]


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        ("utf-16", "is encoded in UTF-16; save it in UTF-8"),
        ("utf-32", "is encoded in UTF-32; save it in UTF-8"),
        ("utf-16-le", "is encoded in UTF-16 or UTF-32, or is not a text file; save it in UTF-8"),
        ("utf-16-be", "is encoded in UTF-16 or UTF-32, or is not a text file; save it in UTF-8"),
    ],
)
def test_another_encoding_is_named(encoding, message, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(TEXT.encode(encoding))
    with pytest.raises(DataError) as raised:
        read_text(path)
    assert str(raised.value) == f"{path}: {message}"


@pytest.mark.parametrize("content", [b"", b"x", b"\xef\xbb\xbf"])
def test_short_files_are_read(content, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    assert read_text(path) == content.decode("utf-8-sig")
