"""Limits of TOML text; every fault is one error."""

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegen.core.text.toml_text import MAX_CHARACTERS, MAX_DEPTH, MAX_INTEGER, MAX_LINE_CHARACTERS, parse_toml


def nested_list(depth):
    value = []
    for _ in range(depth - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = " + "[" * 3000 + "]" * 3000, "characters; at most"),
        ("a = " + "[" * 1500 + "]" * 1500, "nested too deeply"),
        ("a = " + "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "nested too deeply"),
        (".".join("a" * 2000) + " = 1", "line 1: tables and arrays are nested too deeply"),
        ("[" + ".".join("a" * (MAX_DEPTH + 2)) + "]", "nested too deeply"),
        (f"a = {'1' * 4100}", "characters; at most"),
        ("a = [\n" + "1" * 4000 + "]", "integer of 13285 bits"),
        (f"a = {MAX_INTEGER + 1}", "integer of 64 bits"),
        (f"a = {-(2**70)}", "integer of 71 bits"),
        (f"a = 0x{'f' * 20}", "integer of 80 bits"),
        ('a = "\\u0000"', "NUL"),
        ('"\\u0000" = 1', "NUL"),
        ("# comment\n" * (MAX_CHARACTERS // 10 + 1), "at most 262,144"),
        ("a = 1\na = 2", "Cannot overwrite"),
    ],
)
def test_what_exceeds_a_limit_is_refused(text, message):
    with pytest.raises(tomllib.TOMLDecodeError, match=message):
        parse_toml(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (f"a = {MAX_INTEGER}", MAX_INTEGER),
        (f"a = {-MAX_INTEGER}", -MAX_INTEGER),
        ("a = " + "[" * 20 + "]" * 20, nested_list(20)),
        (f"a = '{'.' * (MAX_LINE_CHARACTERS - 6)}'", "." * (MAX_LINE_CHARACTERS - 6)),
    ],
)
def test_what_reaches_a_limit_is_read(text, value):
    assert parse_toml(text) == {"a": value}


def test_dots_of_comments_are_no_keys():
    assert parse_toml("# " + "." * 200 + "\na = 1") == {"a": 1}


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200) | st.text("[]{}=.\"'\n#ab01_-", max_size=200))
def test_any_text_is_read_as_tomllib_reads_it_or_refused(text):
    try:
        expected = tomllib.loads(text)
    except (ValueError, RecursionError):
        with pytest.raises(tomllib.TOMLDecodeError):
            parse_toml(text)
        return
    try:
        assert repr(parse_toml(text)) == repr(expected)
    except tomllib.TOMLDecodeError as error:
        assert "at most" in str(error) or "NUL" in str(error)
