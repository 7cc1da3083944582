"""Check of the length in the header of a WAV file against the size of the file."""

import string
from typing import IO

from facegen.data.media.media_files import MediaWarning, OnWarning, Readable, open_readable

PLACEHOLDERS = frozenset([0, 0x7FFFF000, 0x7FFFFFFF, 0xFFFFFFFF, *range(0xFFFFFF00, 0xFFFFFFFF)])
"""Lengths written by programs that write to a pipe, and cannot correct the header."""
TAGS = (b"ID3", b"TAG", b"APET")
"""First bytes of the tags that tagging programs append."""
ID_CHARACTERS = frozenset((string.ascii_letters + string.digits + " _-").encode())
MAX_CHUNKS = 1000


def wrong_length(path: Readable) -> tuple[int, int] | None:
    """Compare the size of the samples in the header of a WAV file with their actual size.

    Returns:
        (bytes by the header, actual bytes); None if they agree, or if the file is not a WAV file.
    """
    with open_readable(path) as file:
        start = file.read(12)
        if start[:4] != b"RIFF" or start[8:] != b"WAVE":
            return None
        end = file.seek(0, 2)
        position = 12
        for _ in range(MAX_CHUNKS):
            chunk, size = _chunk_at(file, position)
            if chunk == b"data":
                actual = end - position - 8
                agrees = size == actual or size in PLACEHOLDERS
                # Some programs omit the padding byte.
                agrees = agrees or any(_is_followed_by_chunks(file, position + 8 + size + pad, end) for pad in (0, 1))
                return None if agrees else (size, actual)
            if len(chunk) < 4:
                return None
            position += 8 + size + size % 2
    return None


def warn_of_length(length: tuple[int, int], on_warning: OnWarning) -> None:
    """Warn that the file is read to its end, whatever its header says."""
    by_header, actual = length
    detail = f"{by_header} bytes of samples by the header, {actual} in the file"
    on_warning(MediaWarning("has a wrong length in its header, and is read to its end", detail))


def _chunk_at(file: IO[bytes], position: int) -> tuple[bytes, int]:
    file.seek(position)
    header = file.read(8)
    return header[:4], int.from_bytes(header[4:], "little")


def _is_followed_by_chunks(file: IO[bytes], position: int, end: int) -> bool:
    """Check that only further chunks or tags follow the samples."""
    for _ in range(MAX_CHUNKS):
        if position in (end, end + 1):
            return True
        chunk, size = _chunk_at(file, position)
        if chunk.startswith(TAGS):
            return True
        if len(chunk) < 4 or not ID_CHARACTERS.issuperset(chunk):
            return False
        position += 8 + size + size % 2
    return False
