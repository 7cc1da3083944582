"""Atomic writes and locks: the only module that renames, syncs or locks files."""

import errno
import fcntl
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import IO

from facegen.core.disk_faults import TEMPORARY, write_fault
from facegen.core.errors import FacegenError

LOCK = ".lock"
"""Name of the lock file of a folder that one process at a time may change."""
PART = ".part"
"""End of the temporary name of a file or folder that is not complete."""
REPLACED = ".replaced"
"""End of the name of a folder while a new one takes its place."""
_NAME_CHARACTERS = 40
_READER_SECONDS, _POLL_SECONDS = 5.0, 0.05
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
_NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EBADF}


def write_file(path: Path, data: bytes | str) -> None:
    """Write a file atomically; text is stored as UTF-8, and bytes of file names that are not UTF-8 as escapes.

    Raises:
        OSError: the file cannot be written; an older file is unchanged.
    """
    with replacing(path) as part:
        part.write_bytes(data.encode(errors="backslashreplace") if isinstance(data, str) else data)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Provide a temporary path to write to; it replaces `path` if the block ends without an error.

    The temporary name is unique, so that processes that write the same file never share it. A reader sees the old
    file or the new one, also after a power failure. The mode of an older file is kept; a new one follows the umask,
    whatever the library that writes it does. A symbolic link stays, and its target is replaced. Missing folders are
    made. A device or a pipe is written directly.

    Raises:
        OSError: the file cannot be written; an older file is unchanged.
    """
    with _named(path):
        if path.exists() and not path.is_file():
            with _reader_of(path):
                yield path
            return
        yield from _replacing(_target(path))


def _replacing(target: Path) -> Iterator[Path]:
    target.parent.mkdir(parents=True, exist_ok=True)
    with _new_part(target, is_folder=False) as part:
        try:
            mode = (target if target.exists() else part).stat().st_mode
            yield part
            part.chmod(stat.S_IMODE(mode))
            sync_file(part)
            os.replace(part, target)
        except BaseException:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise
    sync_folder(target.parent)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Provide a temporary folder to fill; it replaces `path` if the block ends without an error.

    Every file in it gets the mode of a new file, and is forced to the disk first. An older folder is renamed to
    `.NAME.replaced`, and deleted when the new one is in place. If the process is killed in between, `restore_folders`
    and the next call put the old one back.

    Raises:
        OSError: the folder cannot be written; an older folder is unchanged.
    """
    with _named(path):
        yield from _new_folder(_target(path))


def _new_folder(target: Path) -> Iterator[Path]:
    target.parent.mkdir(parents=True, exist_ok=True)
    _restore(target)
    with _new_part(target, is_folder=True) as part:
        try:
            yield part
            _finish_tree(part)
            _replace_folder(part, target)
        except BaseException:
            with suppress(OSError):
                _restore(target)
            shutil.rmtree(part, ignore_errors=True)
            raise
    shutil.rmtree(_replaced(target), ignore_errors=True)


def restore_folders(parent: Path) -> None:
    """Put the folders in `parent` back whose replacement by `new_folder` was interrupted.

    Raises:
        OSError: a folder cannot be renamed.
    """
    for old in parent.glob(f".*{REPLACED}"):
        _restore(parent / old.name[1:].removesuffix(REPLACED))


def move(source: Path, target: Path) -> None:
    """Rename a file or a folder on the same file system; a file replaces an older file."""
    os.replace(source, target)


def link(source: Path, target: Path) -> None:
    """Give a file a second name.

    Raises:
        OSError: the file system has no hard links, or the target exists.
    """
    os.link(source, target)


def remove(path: Path) -> None:
    """Delete a file, or a folder with its content, if it exists; of a symbolic link, only the link."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sync_file(path: Path) -> None:
    """Force the content of a file to the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Force the names in a folder to the disk, where the file system can."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(descriptor)


@contextmanager
def file_lock(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a lock while the block runs; the system releases the lock of a process that ends, however it ends.

    Args:
        path: the lock file; it exists while the lock is held, and after its holder was killed.
        wait: wait until the lock is free.
    Raises:
        BlockingIOError: another process holds the lock.
        OSError: the lock file cannot be created. On a file system without locks, every process gets the lock.
    """
    file = _lock(path, wait)
    # The previous holder may have removed the file after it was opened here and before it was locked.
    while not _is_same_file(path, file.fileno()):
        file.close()
        file = _lock(path, wait)
    with file:
        try:
            yield
        finally:
            with suppress(OSError):
                path.unlink()


def has_record_locks(folder: Path) -> bool:
    """Return whether the file system of a folder has the locks that SQLite takes; True where that cannot be tried."""
    try:
        with _new_part(folder / "locks", is_folder=False) as part:
            try:
                with part.open("r+b") as file:
                    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            finally:
                part.unlink()
    except OSError as error:
        return error.errno not in _NO_LOCKS
    return True


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Give an OSError of the block the path that the user knows: a full disk has none, others name temporary files.

    Libraries that write files raise errors of their own on a full disk, which become an OSError.
    """
    try:
        yield
    except FacegenError:
        raise
    except Exception as error:
        number = write_fault(error)
        if number is not None and getattr(error, "errno", None) != number:
            raise OSError(number, os.strerror(number), str(path)) from error
        if not isinstance(error, OSError):
            raise
        name = os.fsdecode(error.filename or "") if not isinstance(error.filename, int) else ""
        if error.errno is not None and (not name or f"{PART}/" in f"{name}/"):
            error.filename, error.filename2 = str(path), None
        raise


@contextmanager
def _reader_of(path: Path) -> Iterator[None]:
    """Wait a few seconds for the reader of a pipe; without one, opening the pipe would never return.

    The descriptor stays open during the block: if it were closed before, the reader would see the end of the file.
    """
    deadline = time.monotonic() + _READER_SECONDS
    while True:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            break
        except OSError as error:
            if error.errno != errno.ENXIO or not path.is_fifo() or time.monotonic() > deadline:
                raise
            time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        os.close(descriptor)


def _target(path: Path) -> Path:
    """Resolve a symbolic link; any other path is returned unchanged."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def _part(target: Path) -> Path:
    return target.with_name(f".{target.name[:_NAME_CHARACTERS]}.{secrets.token_hex(6)}{PART}")


def _replaced(target: Path) -> Path:
    return target.with_name(f".{target.name}{REPLACED}")


def _restore(target: Path) -> None:
    if not target.exists() and _replaced(target).exists():
        with suppress(FileNotFoundError):  # another process restored it first
            os.rename(_replaced(target), target)
        sync_folder(target.parent)


def _finish_tree(folder: Path) -> None:
    example = folder / f".mode{PART}"
    example.touch()
    mode = stat.S_IMODE(example.stat().st_mode)
    example.unlink()
    for path in (*folder.rglob("*"), folder):
        if path.is_dir():
            sync_folder(path)
        else:
            path.chmod(mode)
            sync_file(path)


def _replace_folder(part: Path, target: Path) -> None:
    while True:
        if target.exists():
            shutil.rmtree(_replaced(target), ignore_errors=True)
            os.rename(target, _replaced(target))
        try:
            os.rename(part, target)
            break
        except OSError as error:
            # A reader may have put the old folder back in between.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
    sync_folder(target.parent)


@contextmanager
def _new_part(target: Path, *, is_folder: bool) -> Iterator[Path]:
    """Make a temporary file or folder. Its folder has a shared lock while the block runs, which says that it is in use.

    The lock is not on the file itself: a library may replace it by another one of the same name, as safetensors does.
    """
    if is_folder:
        _delete_abandoned(target.parent)
    else:
        _delete_abandoned_once(target.parent, os.getpid())
    with _folder_lock(target.parent, fcntl.LOCK_SH):
        part = _part(target)
        if is_folder:
            part.mkdir()
        else:
            part.touch(exist_ok=False)
        yield part


@lru_cache(maxsize=256)
def _delete_abandoned_once(folder: Path, process: int) -> None:
    """Call `_delete_abandoned` once per process: thousands of files may be written to one folder."""
    _delete_abandoned(folder)


def _delete_abandoned(folder: Path) -> None:
    """Delete temporary files and folders of killed processes, unless somebody writes into the folder.

    Every writer calls it, whatever it writes into the folder. On a file system without locks nothing is deleted.
    """
    with _folder_lock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB) as is_locked:
        if not is_locked:
            return
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                is_temporary = TEMPORARY.fullmatch(entry.name) and not entry.is_symlink()
                if is_temporary and (entry.is_file() or entry.is_dir()):
                    with suppress(OSError):
                        remove(Path(entry.path))


@contextmanager
def _folder_lock(folder: Path, kind: int) -> Iterator[bool]:
    """Hold a lock of a folder while the block runs, if it can be had: a network file system may not lock folders."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        yield False
        return
    try:
        is_locked = True
        try:
            fcntl.flock(descriptor, kind)
        except OSError:
            is_locked = False
        yield is_locked
    finally:
        os.close(descriptor)


def _lock(path: Path, wait: bool) -> IO[str]:
    file = path.open("a")  # opened for writing, because network file systems lock nothing else
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            file.close()
            raise
    return file


def _is_same_file(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
