"""Atomic replacement of a set of files in a folder that holds other files, too, such as the shards of a corpus.

A listing (corpus.json, shards.json) names the files of a set. New files get unused names. Renaming the new listing over
the old one then replaces the old set with the new one in one step, and files that the new listing does not name are
deleted. Readers need no recovery: they read the files that the current listing names.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from facegen.core.errors import DataError
from facegen.core.files import LOCK, file_lock, link, move, remove, sync_folder, write_file
from facegen.core.readable_files import read_bytes
from facegen.core.recipe.tables import Table

STAGING = ".staging"
"""Subfolder in which the new files of a set are written."""
_RECORD = ".swap.json"

Name = Annotated[str, Field(pattern=r"^\w[\w.-]*$")]


class _Swap(Table):
    """Record of a swap in progress, stored in the staging folder.

    Attributes:
        listing: name of the listing.
        new: all files of the new set except the listing.
        old: all files and folders of the old set, in the order of deletion.
    """

    listing: Name
    new: tuple[Name, ...]
    old: tuple[Name, ...]


@contextmanager
def staging_folder(folder: Path) -> Iterator[Path]:
    """Provide an empty folder for new files, and lock `folder` against other writers.

    An interrupted swap is completed or undone first. The staging folder and its remaining files are deleted at the end.

    Args:
        folder: folder of the set; created if missing, and deleted again if it stays empty.
    Raises:
        DataError: another process is writing to this folder.
        OSError: the folder cannot be written.
    """
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    staging = folder / STAGING
    try:
        with _lock_folder(folder):
            _complete_or_undo(folder)
            staging.mkdir()
            try:
                yield staging
            except BaseException:
                with suppress(OSError):
                    _complete_or_undo(folder)
                raise
            _complete_or_undo(folder)
    finally:
        if is_new:
            with suppress(OSError):  # not empty
                folder.rmdir()


def swap(staging: Path, listing: str, content: bytes, *, new: Iterable[str], old: Iterable[str]) -> None:
    """Replace a set of files; if the process is killed at any moment, the old or the new set is complete.

    Args:
        staging: folder from `staging_folder` with the new files, already synced to the disk. Files that are not in
            `new`, such as tables beside the set, replace files of the same name.
        listing: name of the listing.
        content: content of the new listing.
        new: names of all files of the new set; some may be in the folder already.
        old: names of all files and folders of the old set.
    Raises:
        OSError: the folder cannot be written; `staging_folder` then undoes the swap.
    """
    folder, record = staging.parent, _Swap(listing=listing, new=tuple(new), old=tuple(old))
    added = [name for name in record.new if (staging / name).exists()]
    existing = [name for name in added if (folder / name).exists()]
    if existing:
        raise FileExistsError(f"{folder}: {', '.join(existing)} would be overwritten")
    write_file(staging / listing, content)
    write_file(staging / _RECORD, record.model_dump_json())
    for name in added:
        move(staging / name, folder / name)
    sync_folder(folder)
    move(staging / listing, folder / listing)
    _complete(folder, staging, record)


def renumber(staging: Path, listing: str, content: bytes, names: dict[str, str], *, kept: Iterable[str] = ()) -> bool:
    """Rename files of a set, with the same guarantee as `swap`; without hard links, nothing is renamed.

    Args:
        staging, listing, content: as for `swap`.
        names: {old name: new name} of the files to rename.
        kept: names of the other files of the set.
    Returns:
        True if the files were renamed.
    """
    folder = staging.parent
    try:
        for old_name, new_name in names.items():
            link(folder / old_name, staging / new_name)
    except OSError:
        return False
    swap(staging, listing, content, new=[*kept, *names.values()], old=[*kept, *names])
    return True


def delete_set(staging: Path, listing: str, old: Iterable[str]) -> None:
    """Delete a set of files, its listing first; `recover` completes an interrupted deletion."""
    record = _Swap(listing=listing, new=(), old=(listing, *old))
    write_file(staging / _RECORD, record.model_dump_json())
    _complete(staging.parent, staging, record)


def recover(folder: Path) -> bool:
    """Complete or undo the interrupted swap in a folder, if there is one; readers need not call this.

    Returns:
        True if there was an interrupted swap.
    Raises:
        DataError: another process is writing to this folder.
        OSError: the folder cannot be written.
    """
    if not (folder / STAGING).exists():
        return False
    with _lock_folder(folder):
        _complete_or_undo(folder)
    return True


@contextmanager
def _lock_folder(folder: Path) -> Iterator[None]:
    try:
        with file_lock(folder / LOCK):
            yield
    except BlockingIOError:
        raise DataError(
            f"{folder}: another import, export or removal is writing here; wait until it ends, and try again"
        ) from None


def _complete_or_undo(folder: Path) -> None:
    staging = folder / STAGING
    record = staging / _RECORD
    if record.exists():
        try:
            swap_record = _Swap.model_validate_json(read_bytes(record))
        except ValidationError:
            raise DataError(f"{record}: is damaged; delete {staging}, and run the same command again") from None
        if (staging / swap_record.listing).exists():
            _delete(folder, set(swap_record.new) - set(swap_record.old), swap_record.new)
            _delete_record(record)
        else:
            _complete(folder, staging, swap_record)
    remove(staging)


def _complete(folder: Path, staging: Path, swap_record: _Swap) -> None:
    sync_folder(folder)
    for table in sorted(staging.iterdir()):
        if table.is_file() and not table.name.startswith("."):
            move(table, folder / table.name)
    _delete(folder, set(swap_record.old) - set(swap_record.new), swap_record.old)
    _delete_record(staging / _RECORD)


def _delete(folder: Path, names: set[str], order: Iterable[str]) -> None:
    for name in order:
        if name in names:
            remove(folder / name)
    sync_folder(folder)


def _delete_record(record: Path) -> None:
    """Delete the record before the staging folder: a record without a new listing means that the swap was completed."""
    record.unlink()
    sync_folder(record.parent)
