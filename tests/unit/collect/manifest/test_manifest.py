"""The manifest on file systems with and without locks."""

import errno
import fcntl
import sqlite3

import pytest

from facegen.collect.manifest import manifest as module
from facegen.collect.manifest.manifest import CollectionManifest
from facegen.collect.video.failures import DiskError
from facegen.core.files import has_record_locks


def without_write_ahead_log(monkeypatch, message="locking protocol"):
    """Let the write-ahead log fail as SQLite reports it on a file system without shared memory."""
    connect = module._open

    def open_connection(address, *statements):
        if "PRAGMA journal_mode = WAL" in statements:
            raise sqlite3.OperationalError(message)
        return connect(address, *statements)

    monkeypatch.setattr(module, "_open", open_connection)


def test_a_manifest_has_a_write_ahead_log(tmp_path):
    with CollectionManifest(tmp_path / "m.sqlite") as manifest:
        assert manifest.has_write_ahead_log


def test_a_journal_takes_its_place_without_locks(tmp_path, monkeypatch):
    without_write_ahead_log(monkeypatch)
    with CollectionManifest(tmp_path / "m.sqlite") as manifest:
        assert not manifest.has_write_ahead_log
        manifest.set_fact("a", 1)
    monkeypatch.undo()
    with CollectionManifest(tmp_path / "m.sqlite") as manifest:
        assert manifest.has_write_ahead_log and manifest.get_fact("a") == 1


def test_another_error_is_reported(tmp_path, monkeypatch):
    without_write_ahead_log(monkeypatch, "database or disk is full")
    with pytest.raises(DiskError, match="full"):
        CollectionManifest(tmp_path / "m.sqlite")


def test_a_file_system_without_locks_is_no_other_process(tmp_path, monkeypatch):
    def lock(descriptor, kind):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", lock)
    with CollectionManifest(tmp_path / "m.sqlite") as manifest:
        assert not manifest.has_write_ahead_log
        manifest.set_fact("a", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["m.sqlite"]


def test_locks_of_this_file_system_are_used(tmp_path):
    assert has_record_locks(tmp_path)
    assert has_record_locks(tmp_path / "nowhere") and not list(tmp_path.iterdir())
