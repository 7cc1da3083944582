"""Text files that people give: recipes, lists of sources, tables."""

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
"""The marks with which such texts begin; that of UTF-32 begins with that of UTF-16, and is looked for first."""


def open_text(path: Path, newline: str | None = None) -> TextIO:
    """Open a file in UTF-8 for reading, with or without a byte order mark.

    Args:
        path: the file.
        newline: as `open` takes it; "" for a CSV table.
    Raises:
        OSError: it cannot be read.
        DataError: it is in UTF-16 or UTF-32, which some editors and spreadsheets write.
    """
    with path.open("rb") as file:
        start = file.read(4)
    for mark, encoding in _OTHER_ENCODINGS:
        if start.startswith(mark):
            raise DataError(f"{path}: is encoded in {encoding}; save it in UTF-8")
    # No text begins with a NUL, and ASCII in UTF-16 has one beside every character.
    if b"\0" in start:
        raise DataError(f"{path}: is encoded in UTF-16 or UTF-32, or is no text; save it in UTF-8")
    return path.open(encoding="utf-8-sig", newline=newline)


def read_text(path: Path) -> str:
    """The whole text of a file in UTF-8, with or without a byte order mark.

    Raises:
        OSError: it cannot be read.
        DataError: it is in UTF-16 or UTF-32.
        UnicodeDecodeError: it is in another encoding.
    """
    with open_text(path) as file:
        return file.read()
