"""Reading of text files that users write: recipes, lists of sources, tables."""

import codecs
import os
import stat
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


MAX_TEXT_CHARACTERS = 2**26
_SPECIAL_FILES = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def require_regular_file(path: Path) -> None:
    """Refuse files whose reading may never end: devices, pipes and sockets.

    Raises:
        OSError: the file does not exist, or cannot be looked up.
        DataError: the path is a special file.
    """
    special = _SPECIAL_FILES.get(stat.S_IFMT(os.stat(path).st_mode))
    if special is not None:
        raise DataError(f"{path}: is {special}; give a regular file")


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
    require_regular_file(path)
    with path.open("rb") as file:
        start = file.read(4)
    for mark, encoding in _OTHER_ENCODINGS:
        if start.startswith(mark):
            raise DataError(f"{path}: is encoded in {encoding}; save it in UTF-8")
    # Text contains no NUL, and ASCII text in UTF-16 has one in every character.
    if b"\0" in start:
        raise DataError(f"{path}: is encoded in UTF-16 or UTF-32, or is not a text file; save it in UTF-8")
    return path.open(encoding="utf-8-sig", newline=newline)


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
