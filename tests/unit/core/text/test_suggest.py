"""Nearest names."""

import pytest

from facegen.core.text.suggest import did_you_mean


@pytest.mark.parametrize(
    ("wrong", "allowed", "said"),
    [
        ("relativistc", ["relid", "relativistic"], "; did you mean 'relativistic'? Available: relativistic, relid"),
        ("xyz", ["b", "a"], ". Available: a, b"),
        ("x", [], ". Available: none"),
    ],
)
def test_did_you_mean(wrong, allowed, said):
    assert did_you_mean(wrong, allowed) == said
