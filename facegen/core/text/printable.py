"""Text of others, such as names of files and people, made safe to print on any terminal."""

import unicodedata

_SPACES = "\n\t"
_UNPRINTABLE = ("Cc", "Cs")
"""Unicode categories: control characters, by which a name could change the terminal, and bytes that are not UTF-8."""


def printable(text: str) -> str:
    """Escape control characters, except line breaks and tabs, and bytes that are not UTF-8."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if _is_printable(character) else ascii(character)[1:-1] for character in text)


def is_utf8(text: str) -> bool:
    """Return False for text with surrogates: Python puts them in place of bytes that are not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_printable(character: str) -> bool:
    return character in _SPACES or unicodedata.category(character) not in _UNPRINTABLE
