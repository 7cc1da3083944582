"""Unique names of parts of one type."""

import pytest

from facegen.core.recipe.unique_names import unique_names


@pytest.mark.parametrize(
    ("names", "unique"),
    [
        ([], []),
        (["r1", "gradient_penalty"], ["r1", "gradient_penalty"]),
        (["reconstruction"] * 3, ["reconstruction", "reconstruction_2", "reconstruction_3"]),
        (["relid", "r1", "relid"], ["relid", "r1", "relid_2"]),
        # A part that is registered under a numbered name keeps it, before or behind the repeated one.
        (["a", "a", "a_2"], ["a", "a_3", "a_2"]),
        (["a_2", "a", "a", "a_2"], ["a_2", "a", "a_3", "a_2_2"]),
    ],
)
def test_the_first_keeps_its_name_and_the_next_are_numbered(names, unique):
    assert unique_names(names) == unique
    assert len(set(unique)) == len(names)
