"""Errors hold all problems, one per line."""

import facegen
from facegen.core import errors


def test_problems_and_text():
    error = errors.RecipeError("a is missing", "b = 3: must be less than 2")
    assert error.problems == ("a is missing", "b = 3: must be less than 2")
    assert str(error) == "a is missing\nb = 3: must be less than 2"


def test_every_error_is_public_and_one_except_catches_all():
    kinds = [value for value in vars(errors).values() if isinstance(value, type)]
    assert len(kinds) == 6
    for kind in kinds:
        assert issubclass(kind, errors.FacegenError) and getattr(facegen, kind.__name__) is kind
