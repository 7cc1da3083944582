"""Text of others is printed without changing the terminal."""

from hypothesis import given
from hypothesis import strategies as st

from facegen.core.text.printable import is_utf8, printable


def test_control_characters_and_foreign_bytes_are_escaped():
    assert printable("a\x1b[2J\x07b") == "a\\x1b[2J\\x07b"
    assert printable(b"\xff.png".decode("utf-8", "surrogateescape")) == "\\udcff.png"


def test_other_text_is_unchanged():
    assert printable("für [bold] 日本\n\t{0} %s") == "für [bold] 日本\n\t{0} %s"


def test_foreign_bytes_are_no_utf8():
    assert is_utf8("日本\x1b") and not is_utf8("\udcff")


@given(st.text(st.characters()))
def test_the_result_can_be_printed_and_is_not_changed_again(text):
    result = printable(text)
    assert is_utf8(result) and "\x1b" not in result and printable(result) == result
