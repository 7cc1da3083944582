"""Replaces the files of a set that lie in one folder beside files of others, such as the shards of a corpus.

A listing (corpus.json, shards.json) names the files of a set. New files take names that nobody reads yet; renaming the
new listing over the old one then exchanges one set for the other at once. What the listing in place does not name is
deleted afterwards. A reader needs no repair: it follows the listing that it finds.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from facegen.core.errors import DataError
from facegen.core.files import LOCK, file_lock, link, move, remove, sync_folder, write_file
from facegen.core.recipe.tables import Table

STAGING = ".staging"
"""Folder in the folder of a set where new files are written."""
_RECORD = ".swap.json"

Name = Annotated[str, Field(pattern=r"^\w[\w.-]*$")]


class _Swap(Table):
    """A swap that has begun, as recorded in the staging folder.

    Attributes:
        listing: name of the file that names the files of the set.
        new: all files of the new set but the listing.
        old: all files and folders of the old set, in the order in which they are deleted.
    """

    listing: Name
    new: tuple[Name, ...]
    old: tuple[Name, ...]


@contextmanager
def staging_folder(folder: Path) -> Iterator[Path]:
    """Give an empty folder for new files, while no other process may change the sets in `folder`.

    An interrupted swap is completed or undone first. What is left in the staging folder at the end is deleted.

    Args:
        folder: of the set; made if need be, and deleted again if it was made here and nothing was added.
    Raises:
        DataError: another process is at work here.
        OSError: the folder cannot be written.
    """
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    staging = folder / STAGING
    try:
        with _alone(folder):
            _settle(folder)
            staging.mkdir()
            try:
                yield staging
            except BaseException:
                with suppress(OSError):
                    _settle(folder)
                raise
            _settle(folder)
    finally:
        if is_new:
            with suppress(OSError):  # not empty
                folder.rmdir()


def swap(staging: Path, listing: str, content: bytes, *, new: Iterable[str], old: Iterable[str]) -> None:
    """Replace a set of files; after a kill at any moment, the old set or the new one is whole.

    Args:
        staging: given by `staging_folder`; holds the new files, which are on the disk already. Files that are not in
            `new`, such as tables beside the set, replace those of the same name.
        listing: name of the listing.
        content: of the new listing.
        new: names of all files of the new set; some may be in the folder already.
        old: names of all files and folders of the old set.
    Raises:
        OSError: the folder cannot be written; `staging_folder` undoes what was begun.
    """
    folder, record = staging.parent, _Swap(listing=listing, new=tuple(new), old=tuple(old))
    added = [name for name in record.new if (staging / name).exists()]
    taken = [name for name in added if (folder / name).exists()]
    if taken:
        raise FileExistsError(f"{folder}: {', '.join(taken)} would be overwritten")
    write_file(staging / listing, content)
    write_file(staging / _RECORD, record.model_dump_json())
    for name in added:
        move(staging / name, folder / name)
    sync_folder(folder)
    move(staging / listing, folder / listing)
    _complete(folder, staging, record)


def renumber(staging: Path, listing: str, content: bytes, names: dict[str, str], *, kept: Iterable[str] = ()) -> bool:
    """Rename files of a set, with the same guarantee as `swap`; where there are no hard links, they keep their names.

    Args:
        staging, listing, content: as for `swap`.
        names: {name now: new name}, of those that change.
        kept: names of the other files of the set.
    Returns:
        Whether they were renamed.
    """
    folder = staging.parent
    try:
        for now, then in names.items():
            link(folder / now, staging / then)
    except OSError:
        return False
    swap(staging, listing, content, new=[*kept, *names.values()], old=[*kept, *names])
    return True


def delete_set(staging: Path, listing: str, old: Iterable[str]) -> None:
    """Delete a set of files, its listing first; once begun, an interrupted deletion is completed later."""
    record = _Swap(listing=listing, new=(), old=(listing, *old))
    write_file(staging / _RECORD, record.model_dump_json())
    _complete(staging.parent, staging, record)


def recover(folder: Path) -> bool:
    """Complete or undo what an interrupted process left in a folder of sets; readers need not call this.

    Returns:
        Whether there was anything.
    Raises:
        DataError: another process is at work here.
        OSError: the folder cannot be written.
    """
    if not (folder / STAGING).exists():
        return False
    with _alone(folder):
        _settle(folder)
    return True


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    try:
        with file_lock(folder / LOCK):
            yield
    except BlockingIOError:
        raise DataError(
            f"{folder}: another import, export or removal is at work here; wait for it, and try again"
        ) from None


def _settle(folder: Path) -> None:
    staging = folder / STAGING
    record = staging / _RECORD
    if record.exists():
        try:
            begun = _Swap.model_validate_json(record.read_bytes())
        except ValidationError:
            raise DataError(f"{record}: is damaged; delete {staging}, and call the same command again") from None
        if (staging / begun.listing).exists():
            _delete(folder, set(begun.new) - set(begun.old), begun.new)
            _forget(record)
        else:
            _complete(folder, staging, begun)
    remove(staging)


def _complete(folder: Path, staging: Path, begun: _Swap) -> None:
    sync_folder(folder)
    for beside in sorted(staging.iterdir()):
        if beside.is_file() and not beside.name.startswith("."):
            move(beside, folder / beside.name)
    _delete(folder, set(begun.old) - set(begun.new), begun.old)
    _forget(staging / _RECORD)


def _delete(folder: Path, names: set[str], order: Iterable[str]) -> None:
    for name in order:
        if name in names:
            remove(folder / name)
    sync_folder(folder)


def _forget(record: Path) -> None:
    """Before the staging folder goes: without the new listing, the record would say that the swap was completed."""
    record.unlink()
    sync_folder(record.parent)
