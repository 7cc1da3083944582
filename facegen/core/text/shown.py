"""Values of users in messages, of bounded length."""

from typing import Any

MAX_SHOWN_CHARACTERS = 200


def shown(value: Any) -> str:
    """Format a plain value for a message; a long one is cut."""
    return cut(repr(value))


def cut(text: str, max_characters: int = MAX_SHOWN_CHARACTERS) -> str:
    """Shorten a text to a number of characters; the middle is left out."""
    if len(text) <= max_characters:
        return text
    half = max_characters // 2
    return f"{text[:half]} ... {text[-half:]}"
