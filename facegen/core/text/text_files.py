"""Reading of text files that users write: recipes, lists of sources, tables."""

import codecs
import io
from pathlib import Path
from typing import TextIO

from facegen.core.errors import DataError
from facegen.core.readable_files import open_bytes

_OTHER_ENCODINGS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
"""Byte order marks of other encodings. That of UTF-32 begins with that of UTF-16, so it is tried first."""


MAX_TEXT_CHARACTERS = 2**26


def open_text(path: Path, newline: str | None = None) -> TextIO:
    """Open a regular UTF-8 file for reading, with or without a byte order mark.

    Args:
        path: the file.
        newline: as in `open`; "" for a CSV table.
    Raises:
        OSError: the file cannot be read.
        DataError: the path is a special file, or the file is encoded in UTF-16 or UTF-32, as some editors and
            spreadsheets do.
    """
    with open_bytes(path) as file:
        start = file.read(4)
    for mark, encoding in _OTHER_ENCODINGS:
        if start.startswith(mark):
            raise DataError(f"{path}: is encoded in {encoding}; save it in UTF-8")
    # Text contains no NUL, and ASCII text in UTF-16 has one in every character.
    if b"\0" in start:
        raise DataError(f"{path}: is encoded in UTF-16 or UTF-32, or is not a text file; save it in UTF-8")
    return io.TextIOWrapper(open_bytes(path), "utf-8-sig", newline=newline)


def read_text(path: Path, max_characters: int = MAX_TEXT_CHARACTERS) -> str:
    """Read a regular UTF-8 file, with or without a byte order mark.

    Args:
        path: the file.
        max_characters: largest length; of a longer file, no more is read.
    Raises:
        OSError: the file cannot be read.
        DataError: the path is a special file, or the file is too large, or encoded in UTF-16 or UTF-32.
        UnicodeDecodeError: the file is in another encoding.
    """
    with open_text(path) as file:
        text = file.read(max_characters + 1)  # a file below /proc has no size
    if len(text) > max_characters:
        raise DataError(f"{path}: has more than {max_characters:,} characters; is it the right file?")
    return text
