"""Nearest names."""

import pytest

from facegen.core.text.suggest import did_you_mean


@pytest.mark.parametrize(
    ("wrong", "allowed", "suggestion"),
    [
        ("relativistc", ["relid", "relativistic"], "; did you mean 'relativistic'? Available: relativistic, relid"),
        ("xyz", ["b", "a"], ". Available: a, b"),
        ("x", [], ". Available: none"),
    ],
)
def test_did_you_mean(wrong, allowed, suggestion):
    assert did_you_mean(wrong, allowed) == suggestion


def test_a_long_list_is_cut_and_the_nearest_name_comes_from_all_of_it() -> None:
    names = [f"speaker-{number}" for number in range(10, 40)]
    expected = "; did you mean 'speaker-39'? Available: speaker-10, speaker-11, ..."
    assert did_you_mean("speaker39", names, 2) == expected
    assert did_you_mean("x", ["b", "a"], 2) == ". Available: a, b"
    assert did_you_mean("x", [], 2) == ". Available: none"
