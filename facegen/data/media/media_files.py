"""Opening, type detection, errors and warnings of image and audio files."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from facegen.core.errors import DataError
from facegen.core.readable_files import require_regular_file, special_file
from facegen.data.importers.archive import Member

Readable = Path | Member
"""A file, or a file inside an archive."""
HEIF_BRANDS = frozenset([b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"])
AVIF_BRANDS = frozenset([b"avif", b"avis"])
MAGIC = (
    (0, b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"8BPS", "Photoshop"),
    (0, b"%PDF", "PDF"),
    (0, b"%!PS", "PostScript"),
    (0, b"FUJIFILMCCD-RAW", "camera raw image"),
    (0, b"\x76\x2f\x31\x01", "OpenEXR"),
    (0, b"DDS ", "DDS"),
    (0, b"\x00\x00\x01\x00", "icon"),
    (0, b"PK\x03\x04", "ZIP archive"),
    (0, b"\x1f\x8b", "gzip archive"),
    (0, b"<svg", "SVG"),
)
"""(offset, bytes, type) of files that people may give as images or audio, and that cannot be read."""


@dataclass(frozen=True)
class MediaWarning:
    """A fault of a file that was used nevertheless.

    Attributes:
        reason: the fault and its repair; same text for every such file, so that files can be counted.
        detail: measurements of this file; may be empty.
    """

    reason: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.reason} ({self.detail})" if self.detail else self.reason


OnWarning = Callable[[MediaWarning], None]


def issue_python_warnings(path: Readable) -> OnWarning:
    """Make a receiver that issues Python warnings, the default if a caller gives no receiver."""
    return lambda warning: warnings.warn(f"{path}: {warning}", stacklevel=3)


class UnusableFileError(DataError):
    """A file that cannot be used.

    Attributes:
        reason: the fault; same text for every such file, so that files can be counted.
    """

    def __init__(self, path: Readable, reason: str, advice: str, detail: object = "") -> None:
        super().__init__(f"{path}: {reason}{f' ({detail})' if detail else ''}; {advice}")
        self.reason = reason


def open_readable(path: Readable) -> IO[bytes]:
    """Open a file, or a file inside an archive, for reading."""
    if isinstance(path, Member):
        return path.open()
    require_regular_file(path)
    # Not `open_bytes`: PyAV drops exceptions of what it calls in Python, and so a request to stop that comes there.
    return path.open("rb")


def check_is_file(path: Readable) -> None:
    """Check that a path is a file that is not empty.

    Raises:
        UnusableFileError: it is missing, empty, or not a file.
    """
    try:
        if isinstance(path, Member) or path.is_file():
            if (path.size if isinstance(path, Member) else path.stat().st_size) == 0:
                raise UnusableFileError(path, "is empty", "get it again, or leave it out", "0 bytes")
            if isinstance(path, Member) or not special_file(path):
                return
        reason = "is not a file" if path.exists() else "does not exist"
    except (OSError, ValueError) as error:
        raise UnusableFileError(path, "is not a usable file name", "check the path", error) from None
    raise UnusableFileError(path, reason, "check the path")


def file_type_by_content(path: Readable) -> str:
    """Detect the type of a file by its first bytes: "HEIC", "AVIF", "TIFF", "text", ...; empty if unknown."""
    with open_readable(path) as file:
        start = file.read(512)
    if start[4:8] == b"ftyp":
        brands = {start[8:12], *(start[at : at + 4] for at in range(16, min(int.from_bytes(start[:4]), 512), 4))}
        if brands & AVIF_BRANDS:
            return "AVIF"
        if brands & HEIF_BRANDS:
            return "HEIC"
        return "camera raw image" if start[8:12] == b"crx " else "video or audio file"
    if start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    known_type = next((kind for at, magic, kind in MAGIC if start[at : at + len(magic)] == magic), "")
    if known_type:
        return known_type
    return "text" if start.isascii() and b"\0" not in start else ""
