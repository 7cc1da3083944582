"""Lists of pairs: both forms, and lines that are no pairs."""

from pathlib import Path

import pytest

from facegen.core.errors import DataError
from facegen.inference.pair_list import Pair, read_pairs


def test_the_form_of_fame(tmp_path: Path) -> None:
    """The voice stands before the face, as in the challenge's files."""
    path = tmp_path / "English_test.txt"
    path.write_text("ysuvkz41 voices/English/00000.wav faces/English/00000.jpg \n\ntog3zj45 v/1.wav f/1.jpg\n")
    pairs, rejected = read_pairs(path)
    assert pairs == [
        Pair(1, "ysuvkz41", tmp_path / "voices/English/00000.wav", tmp_path / "faces/English/00000.jpg"),
        Pair(3, "tog3zj45", tmp_path / "v/1.wav", tmp_path / "f/1.jpg"),
    ]
    assert rejected == []


def test_a_table_with_columns_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text('face,label,id,speech\n"a, b.png",1,x,v.wav\n')
    assert read_pairs(path, tmp_path / "data")[0] == [Pair(2, "x", tmp_path / "data/v.wav", tmp_path / "data/a, b.png")]


def test_pairs_without_identifiers_are_named_by_their_paths(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("speech,face\nv.wav,f.png\n")
    assert [pair.id for pair in read_pairs(path)[0]] == ["v.wav f.png"]


def test_lines_that_are_no_pairs_are_rejected_with_their_reason(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("id,speech,face\na,v.wav,f.png\nb,v.wav\nc,,f.png\na,w.wav,f.png\n")
    pairs, rejected = read_pairs(path)
    assert [pair.id for pair in pairs] == ["a"]
    assert [(row.line, row.id) for row in rejected] == [(3, "b"), (4, "c"), (5, "a")]
    assert "2 fields" in rejected[0].reason and "repeats the identifier of line 2" in rejected[2].reason


@pytest.mark.parametrize("content, message", [
    (b"", "is empty"),
    (b"id,voice,face\na,b,c\n", "column 'speech' is missing"),
    (b"speech,face,face\na,b,c\n", "occurs 2 times"),
    (b'speech,face\n"a,b\n', "quotation mark"),
    (b"\xff\xfea", "UTF-16"),
    (b"a \xe9 c\n", "not UTF-8"),
])  # fmt: skip
def test_unusable_lists(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_pairs(path)


def test_a_list_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_pairs(tmp_path / "none.txt")
