"""The length that a WAV file says it has, compared with what is there."""

import string
from typing import IO

from facegen.data.media.media_files import MediaWarning, OnWarning, Readable, open_readable

PLACEHOLDERS = frozenset([0, 0x7FFFF000, 0x7FFFFFFF, 0xFFFFFFFF, *range(0xFFFFFF00, 0xFFFFFFFF)])
"""Of programs that write to a pipe, and cannot go back to the header."""
TAGS = (b"ID3", b"TAG", b"APET")
"""Begin what tagging programs append."""
ID_CHARACTERS = frozenset((string.ascii_letters + string.digits + " _-").encode())
MAX_CHUNKS = 1000


def wrong_length(path: Readable) -> tuple[int, int] | None:
    """Compare the samples that the header of a WAV file names with those that follow it.

    Returns:
        (bytes of samples by the header, bytes that are there); None where they agree, or the file is no WAV file.
    """
    with open_readable(path) as file:
        start = file.read(12)
        if start[:4] != b"RIFF" or start[8:] != b"WAVE":
            return None
        end = file.seek(0, 2)
        place = 12
        for _ in range(MAX_CHUNKS):
            chunk, size = _chunk_at(file, place)
            if chunk == b"data":
                there = end - place - 8
                agrees = size == there or size in PLACEHOLDERS
                # Some programs leave out the byte of padding.
                agrees = agrees or any(_is_followed_by_chunks(file, place + 8 + size + pad, end) for pad in (0, 1))
                return None if agrees else (size, there)
            if len(chunk) < 4:
                return None
            place += 8 + size + size % 2
    return None


def warn_of_length(length: tuple[int, int], on_warning: OnWarning) -> None:
    """Say that all that is there is read."""
    said, there = length
    detail = f"{said} bytes of samples by the header, {there} in the file"
    on_warning(MediaWarning("has a wrong length in its header, and is read to its end", detail))


def _chunk_at(file: IO[bytes], place: int) -> tuple[bytes, int]:
    file.seek(place)
    header = file.read(8)
    return header[:4], int.from_bytes(header[4:], "little")


def _is_followed_by_chunks(file: IO[bytes], place: int, end: int) -> bool:
    """Whether what stands behind the samples is further chunks, or tags."""
    for _ in range(MAX_CHUNKS):
        if place in (end, end + 1):
            return True
        chunk, size = _chunk_at(file, place)
        if chunk.startswith(TAGS):
            return True
        if len(chunk) < 4 or not ID_CHARACTERS.issuperset(chunk):
            return False
        place += 8 + size + size % 2
    return False
