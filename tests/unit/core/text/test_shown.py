"""Values in messages have a bounded length."""

from facegen.core.text.shown import MAX_SHOWN_CHARACTERS, cut, shown


def test_short_values_are_whole_and_long_ones_lose_their_middle():
    assert shown({"a": [1, "x"]}) == "{'a': [1, 'x']}"
    assert shown("b" * MAX_SHOWN_CHARACTERS) == f"'{'b' * 99} ... {'b' * 99}'"
    assert cut("abcdefgh", 4) == "ab ... gh" and cut("abcd", 4) == "abcd"
