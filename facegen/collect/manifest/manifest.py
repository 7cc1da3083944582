"""The manifest of a collection: what became of every video, frame and clip, in SQLite."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from facegen.collect.manifest.schema import TABLES, VERSION
from facegen.collect.video.failures import DiskError
from facegen.core.errors import DataError

FILE_NAME = "manifest.sqlite"
BUSY_SECONDS = 30.0
MADE_WITH = "made_with"
"""The fact that holds the settings under which everything in a collection was examined."""


class CollectionManifest:
    """The manifest of one collection; use as a context manager.

    Every change is a transaction that is forced to the disk: whoever kills the process at any moment finds what was
    finished before, and videos that were in work wait again.

    Args:
        path: the file; made if need be.
        read_only: look only; nothing is written, not even beside the file.
    Raises:
        DataError: it is no manifest, or of another version.
        DiskError: it cannot be written.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        with _explained(path):
            self._db = _connect(path, read_only)
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version == 0 and not read_only and not self._has_tables():
                # A transaction of its own: executescript would commit table by table.
                self._db.executescript(f"BEGIN; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
                version = VERSION
        if version != VERSION:
            self._db.close()
            raise DataError(f"{path}: has version {version}; this facegen reads {VERSION}; collect into another folder")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def _has_tables(self) -> bool:
        return self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] > 0

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it, or nothing."""
        with _explained(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.rollback()
                raise
            self._db.commit()

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows that a query finds."""
        with _explained(self.path):
            return self._db.execute(query, values).fetchall()

    def fact(self, name: str) -> Any:
        """What was noted under a name, or None."""
        found = self.ask("SELECT value FROM facts WHERE name = ?", name)
        return json.loads(found[0][0]) if found else None

    def note(self, name: str, value: Any) -> None:
        """Note a fact about the collection."""
        with self.change() as db:
            db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, json.dumps(value)))

    def compact(self) -> None:
        """Write the file anew, so that no byte of deleted rows is left in it or in the log beside it."""
        with _explained(self.path):
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _connect(path: Path, read_only: bool) -> sqlite3.Connection:
    if not read_only:
        settings = (
            "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON",
            "wal_autocheckpoint = 200",
        )  # fmt: skip
        return _open(path.absolute().as_uri(), *(f"PRAGMA {setting}" for setting in settings))
    if not path.is_file():
        raise DataError(f"{path}: does not exist, so nothing was collected here; give the folder of a collection")
    address = path.absolute().as_uri()
    try:
        return _open(f"{address}?mode=ro", "SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError:
        # A folder that cannot be written: the log beside the file cannot be opened, and nobody writes it either.
        return _open(f"{address}?immutable=1")


def _open(address: str, *statements: str) -> sqlite3.Connection:
    """A connection that was told these statements; none is left open where one of them fails."""
    db = sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        for statement in statements:
            db.execute(statement).fetchone()
    except BaseException:
        db.close()
        raise
    return db


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """What SQLite says, as errors that name the file and what to do."""
    try:
        yield
    except sqlite3.OperationalError as error:
        said = str(error)
        if "locked" in said:
            raise DataError(f"{path}: somebody else writes to it; wait for them") from None
        if any(words in said for words in ("full", "readonly", "read-only", "unable to open", "disk I/O")):
            raise DiskError(f"{path}: {said}") from None
        raise
    except sqlite3.DatabaseError as error:
        raise DataError(
            f"{path}: is damaged, or no manifest of a collection ({error}); collect into another folder"
        ) from None
