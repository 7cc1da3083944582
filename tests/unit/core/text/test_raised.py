"""Exceptions of other people's code in messages."""

import pytest

from facegen.core.text.raised import raised


class SilentError(Exception):
    def __str__(self):
        return None


class Failing(BaseException):
    def __str__(self):
        raise ValueError


@pytest.mark.parametrize(
    "error, text",
    [
        (ValueError("x"), "ValueError: x"),
        (ValueError(), "ValueError"),
        (SilentError(), "SilentError"),
        (Failing(), "Failing"),
    ],
)
def test_class_and_text(error, text):
    assert raised(error) == text


def test_a_long_text_is_cut():
    assert len(raised(ValueError("x" * 10**6))) < 1100
