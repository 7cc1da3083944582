"""Reading of text files that users write: recipes, lists of sources, tables."""

import codecs
from pathlib import Path
from typing import TextIO

from facegen.core.errors import DataError

_OTHER_ENCODINGS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
"""Byte order marks of other encodings. That of UTF-32 begins with that of UTF-16, so it is tried first."""


def open_text(path: Path, newline: str | None = None) -> TextIO:
    """Open a UTF-8 file for reading, with or without a byte order mark.

    Args:
        path: the file.
        newline: as in `open`; "" for a CSV table.
    Raises:
        OSError: the file cannot be read.
        DataError: the file is encoded in UTF-16 or UTF-32, as some editors and spreadsheets do.
    """
    with path.open("rb") as file:
        start = file.read(4)
    for mark, encoding in _OTHER_ENCODINGS:
        if start.startswith(mark):
            raise DataError(f"{path}: is encoded in {encoding}; save it in UTF-8")
    # Text contains no NUL, and ASCII text in UTF-16 has one in every character.
    if b"\0" in start:
        raise DataError(f"{path}: is encoded in UTF-16 or UTF-32, or is not a text file; save it in UTF-8")
    return path.open(encoding="utf-8-sig", newline=newline)


def read_text(path: Path) -> str:
    """Read a UTF-8 file, with or without a byte order mark.

    Raises:
        OSError: the file cannot be read.
        DataError: the file is encoded in UTF-16 or UTF-32.
        UnicodeDecodeError: the file is in another encoding.
    """
    with open_text(path) as file:
        return file.read()
