"""Manifest of a collection: an SQLite file with the state of every video, frame and clip."""

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
from facegen.core.files import has_record_locks

FILE_NAME = "manifest.sqlite"
BUSY_SECONDS = 30.0
_NO_LOCKS = ("locking protocol", "disk I/O error", "unable to open")
"""Texts of SQLite's errors on file systems without locks or shared memory."""
EXAMINATION_SETTINGS = "made_with"
"""Name of the fact that holds the settings under which all videos of a collection were examined."""


class CollectionManifest:
    """Manifest of one collection; use it as a context manager.

    Every change is a transaction that is synced to the disk. A process that is killed therefore loses only the videos
    in work, and the next process takes them up again.

    Args:
        path: the SQLite file; created if it is missing.
        read_only: write nothing, not even a log beside the file.
    Raises:
        DataError: the file is not a manifest, or has another version.
        DiskError: the file cannot be written.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        with _translate_errors(path):
            self._db = _connect(path, read_only)
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version == 0 and not read_only and not self._has_tables():
                # One explicit transaction, because executescript alone commits after each table.
                self._db.executescript(f"BEGIN; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
                version = VERSION
        if version != VERSION:
            self._db.close()
            raise DataError(
                f"{path}: version {version} is not supported; this facegen reads version {VERSION}; collect into "
                f"another folder"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def _has_tables(self) -> bool:
        return self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] > 0

    @property
    def has_write_ahead_log(self) -> bool:
        """False on a file system without locks or shared memory, where a rollback journal takes its place."""
        return bool(self._db.execute("PRAGMA journal_mode").fetchone()[0] == "wal")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction: commit at the end, roll back on any exception."""
        with _translate_errors(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.rollback()
                raise
            self._db.commit()

    def query(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a query, and return its rows."""
        with _translate_errors(self.path):
            return self._db.execute(query, values).fetchall()

    def get_fact(self, name: str) -> Any:
        """Read a fact about the collection; None if it was never set."""
        rows = self.query("SELECT value FROM facts WHERE name = ?", name)
        return json.loads(rows[0][0]) if rows else None

    def set_fact(self, name: str, value: Any) -> None:
        """Store a fact about the collection as JSON."""
        with self.transaction() as db:
            db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, json.dumps(value)))

    def vacuum(self) -> None:
        """Rewrite the file, so that no byte of deleted rows is left in it or in its write-ahead log."""
        with _translate_errors(self.path):
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _connect(path: Path, read_only: bool) -> sqlite3.Connection:
    if not read_only:
        return _connect_to_write(path)
    if not path.is_file():
        raise DataError(f"{path}: does not exist; give the folder of a collection")
    address = path.absolute().as_uri()
    try:
        return _open(f"{address}?mode=ro", "SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError:
        # In a read-only folder the write-ahead log cannot be opened; no other process can write it either. On a file
        # system without locks, a lock cannot be had.
        return _open(f"{address}?immutable=1")


def _connect_to_write(path: Path) -> sqlite3.Connection:
    """Connect with a write-ahead log, or, on a file system without shared memory, with a rollback journal.

    Without locks, as on some network file systems, SQLite's own are left out: the lock of the folder keeps other
    collections away, where the system has one.
    """
    address = path.absolute().as_uri()
    common = ("synchronous = FULL", "foreign_keys = ON", "secure_delete = ON")
    attempts = [
        (address, ("journal_mode = WAL", *common, "wal_autocheckpoint = 200")),
        (address, ("journal_mode = DELETE", *common)),
        (f"{address}?nolock=1", ("journal_mode = DELETE", *common)),
    ]
    if not has_record_locks(path.parent):  # SQLite would take the lack of locks for the lock of another process
        del attempts[:-1]
    for number, (attempt, settings) in enumerate(attempts, start=1):
        try:
            # The empty transaction takes and frees the locks, which the settings alone may not.
            db = _open(attempt, *(f"PRAGMA {setting}" for setting in settings), "BEGIN IMMEDIATE", "COMMIT")
        except sqlite3.OperationalError as error:
            if number == len(attempts) or not any(sign in str(error) for sign in _NO_LOCKS):
                raise
            continue
        return db
    raise AssertionError("the last attempt returns or raises")


def _open(address: str, *statements: str) -> sqlite3.Connection:
    """Open a connection and run statements; close it if one of them fails."""
    db = sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        for statement in statements:
            db.execute(statement).fetchone()
    except BaseException:
        db.close()
        raise
    return db


@contextmanager
def _translate_errors(path: Path) -> Iterator[None]:
    """Turn SQLite errors into errors that name the file and the remedy."""
    try:
        yield
    except sqlite3.OperationalError as error:
        message = str(error)
        if "locked" in message:
            raise DataError(f"{path}: another process is writing this manifest; wait until it ends") from None
        if any(words in message for words in ("full", "readonly", "read-only", "unable to open", "disk I/O")):
            raise DiskError(f"{path}: {message}") from None
        raise
    except sqlite3.DatabaseError as error:
        raise DataError(
            f"{path}: is damaged, or is not a manifest of a collection ({error}); collect into another folder"
        ) from None
