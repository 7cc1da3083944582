"""Files inside tar archives, read where they lie: nothing is ever unpacked, so no name in an archive is a path here."""

import io
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

BLOCK_BYTES = 512
MAX_HEADER_BYTES = 2**20
"""No name is longer; a header that claims more would fill the memory."""


class DamagedArchiveError(Exception):
    """An archive that cannot be read any further; its text says why."""


@dataclass(frozen=True)
class Member:
    """A file inside an archive: a stretch of its bytes.

    Attributes:
        archive: the tar file.
        name: as the archive has it.
        start, size: of the stretch, in bytes.
    """

    archive: Path
    name: str
    start: int
    size: int

    def __str__(self) -> str:
        return f"{self.archive}: {self.name}"

    def open(self) -> IO[bytes]:
        """A file to read from; it ends where the stretch does."""
        return io.BufferedReader(_MemberFile(self))


@dataclass(frozen=True)
class UnusableMember:
    """An entry of an archive that is left out: its name, why in words that can be counted, and what to do."""

    name: str
    reason: str
    detail: str


def list_members(archive: Path) -> Iterator[Member | UnusableMember]:
    """The files of an uncompressed archive, in its order; what is no plain file under a plain name is unusable.

    Raises:
        DamagedArchiveError: it is no tar file, or damaged from here on.
    """
    num_bytes = archive.stat().st_size
    try:
        with (
            archive.open("rb") as file,
            tarfile.open(fileobj=_BoundedReader(file, num_bytes), mode="r:", errors="surrogateescape") as tar,
        ):
            # Not `for entry in tar`: it keeps a list of all that it saw.
            while (entry := tar.next()) is not None:
                tar.members = []  # type: ignore[attr-defined]
                if entry.size < 0 or entry.offset_data + (entry.size if entry.isreg() else 0) > num_bytes:
                    raise DamagedArchiveError(f"'{entry.name}' claims {entry.size} bytes, more than are left")
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
            name, "has an unsafe name in its archive", f"'{ascii(name)[1:-1]}': leads out of the archive"
        )
    if not entry.isreg() or entry.issparse():
        return UnusableMember(
            name, "is no plain file in its archive", f"'{name}': a link, a device or a file with holes"
        )
    return Member(archive, name, entry.offset_data, entry.size)


class _BoundedReader(io.RawIOBase):
    """An archive that refuses what only a hostile header asks for: giant reads, and going round in circles."""

    def __init__(self, file: IO[bytes], num_bytes: int) -> None:
        self._file = file
        self._reads_left = 4 * (num_bytes // BLOCK_BYTES) + 64

    def read(self, size: int = -1) -> bytes:
        self._reads_left -= 1
        if self._reads_left < 0:
            raise DamagedArchiveError("its headers lead in circles")
        if not 0 <= size <= MAX_HEADER_BYTES:
            raise DamagedArchiveError(f"a header claims {size} bytes")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


class _MemberFile(io.RawIOBase):
    def __init__(self, member: Member) -> None:
        self._start, self._size, self._place = member.start, member.size, 0
        self._file = member.archive.open("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("a place before the beginning")
        self._place = base + offset
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), max(self._size - self._place, 0))
        self._file.seek(self._start + self._place)
        read: int = self._file.readinto(memoryview(buffer)[:wanted]) or 0
        self._place += read
        return read

    def close(self) -> None:
        self._file.close()
        super().close()
