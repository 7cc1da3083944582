"""Reader of files inside tar archives; nothing is unpacked, so that no name in an archive becomes a local path."""

import io
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from facegen.core.readable_files import open_bytes

BLOCK_BYTES = 512
MAX_HEADER_BYTES = 2**20
"""Largest header that is read; a hostile header could claim a size that fills the memory."""


class DamagedArchiveError(Exception):
    """An archive that cannot be read any further; the text is the reason."""


@dataclass(frozen=True)
class Member:
    """A file inside an archive: a range of its bytes.

    Attributes:
        archive: the tar file.
        name: name in the archive.
        start, size: range of the content, in bytes.
    """

    archive: Path
    name: str
    start: int
    size: int

    def __str__(self) -> str:
        return f"{self.archive}: {self.name}"

    def open(self) -> IO[bytes]:
        """Open the file for reading; it ends at the end of the range."""
        return io.BufferedReader(_MemberFile(self))


@dataclass(frozen=True)
class UnusableMember:
    """An entry of an archive that is skipped.

    Attributes:
        name: name in the archive.
        reason: same text for every such entry, so that entries can be counted.
        detail: the entry, and what is wrong with it.
    """

    name: str
    reason: str
    detail: str


def list_members(archive: Path) -> Iterator[Member | UnusableMember]:
    """List the files of an uncompressed archive in its order; other entries, and unsafe names, are unusable.

    Raises:
        DamagedArchiveError: it is not a tar file, or is damaged from here on.
    """
    num_bytes = archive.stat().st_size
    try:
        with (
            open_bytes(archive) as file,
            tarfile.open(fileobj=_BoundedReader(file, num_bytes), mode="r:", errors="surrogateescape") as tar,
        ):
            # Not `for entry in tar`: it keeps a list of all entries.
            while (entry := tar.next()) is not None:
                tar.members = []  # type: ignore[attr-defined]
                if entry.size < 0 or entry.offset_data + (entry.size if entry.isreg() else 0) > num_bytes:
                    raise DamagedArchiveError(
                        f"'{entry.name}' claims {entry.size} bytes, more than the archive has left"
                    )
                if not entry.isdir():
                    yield _check_entry(archive, entry)
    except (tarfile.TarError, EOFError, ValueError, OverflowError, RecursionError) as error:
        raise DamagedArchiveError(str(error)) from None
    except OSError as error:
        raise DamagedArchiveError(error.strerror or str(error)) from None


def _check_entry(archive: Path, entry: tarfile.TarInfo) -> Member | UnusableMember:
    name = entry.name
    if not name.isprintable() or "\\" in name or name.startswith("/") or ".." in PurePosixPath(name).parts:
        return UnusableMember(
            name,
            "has an unsafe name in its archive",
            f"'{ascii(name)[1:-1]}': is absolute, contains '..' or '\\', or is not printable",
        )
    if not entry.isreg() or entry.issparse():
        return UnusableMember(
            name, "is not a regular file in its archive", f"'{name}': links, devices and sparse files are not read"
        )
    return Member(archive, name, entry.offset_data, entry.size)


class _BoundedReader(io.RawIOBase):
    """File object of an archive that refuses huge header reads and endless header loops, as in hostile archives."""

    def __init__(self, file: IO[bytes], num_bytes: int) -> None:
        self._file = file
        self._reads_left = 4 * (num_bytes // BLOCK_BYTES) + 64

    def read(self, size: int = -1) -> bytes:
        self._reads_left -= 1
        if self._reads_left < 0:
            raise DamagedArchiveError("its headers form a loop")
        if not 0 <= size <= MAX_HEADER_BYTES:
            raise DamagedArchiveError(f"a header claims {size} bytes")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


class _MemberFile(io.RawIOBase):
    """File object of a member: a range of an archive."""

    def __init__(self, member: Member) -> None:
        self._start, self._size, self._position = member.start, member.size, 0
        self._file = member.archive.open("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("seek to a position before the beginning")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        num_bytes = min(len(buffer), max(self._size - self._position, 0))
        self._file.seek(self._start + self._position)
        read: int = self._file.readinto(memoryview(buffer)[:num_bytes]) or 0
        self._position += read
        return read

    def close(self) -> None:
        self._file.close()
        super().close()
