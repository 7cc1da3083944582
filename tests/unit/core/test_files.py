"""A reader sees the old or the new file or folder, whenever the writer is killed."""

import errno
import fcntl
import itertools
import json
import os
import signal
import stat
import subprocess
import sys
from threading import Thread

import numpy as np
import pytest
from faults import Killed, failing
from safetensors.numpy import save_file

from facegen.core import files
from facegen.core.files import file_lock, new_folder, replacing, restore_folders, write_file

FULL = OSError(errno.ENOSPC, "No space left on device")


def fill(folder, text):
    with new_folder(folder) as part:
        (part / "below").mkdir()
        write_file(part / "below" / "a.txt", text)
        (part / "b.txt").write_text(text)


def content(folder):
    restore_folders(folder.parent)
    return {path.read_text() for path in folder.rglob("*.txt")}, len(list(folder.rglob("*")))


class TestFile:
    @pytest.mark.parametrize("error", [Killed(), KeyboardInterrupt(), FULL])
    def test_stopped_anywhere_it_is_the_old_file_or_the_new(self, tmp_path, error):
        for last in itertools.count():
            path = tmp_path / f"{last}" / "a.txt"
            write_file(path, "old")
            with failing(last, error) as disk:
                try:
                    write_file(path, "new")
                except type(error):
                    pass
            assert path.read_text() in ("old", "new")
            write_file(path, "newer")
            assert path.read_text() == "newer"
            if not isinstance(error, Killed):
                assert [entry.name for entry in path.parent.iterdir()] == ["a.txt"]
            if not disk.failed:
                break
        assert last >= 5

    def test_it_is_synced_before_it_is_renamed_and_the_folder_after(self, tmp_path, monkeypatch):
        order = []
        for name in ("fsync", "replace"):
            operation = getattr(os, name)
            monkeypatch.setattr(
                os, name, lambda *args, name=name, operation=operation: (order.append(name), operation(*args))
            )
        write_file(tmp_path / "a", "x")
        assert order == ["fsync", "replace", "fsync"]

    def test_the_umask_and_the_mode_of_an_older_file_hold(self, tmp_path):
        before = os.umask(0o027)
        try:
            write_file(tmp_path / "a", b"x")
            assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640
            (tmp_path / "a").chmod(0o604)
            write_file(tmp_path / "a", b"y")
            assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o604
        finally:
            os.umask(before)

    def test_the_umask_holds_whatever_a_library_does(self, tmp_path):
        before = os.umask(0o027)
        try:
            with replacing(tmp_path / "a") as part, new_folder(tmp_path / "folder") as folder:
                for path in (part, folder / "b"):
                    save_file({"x": np.zeros(1)}, path)
                    path.chmod(0o600)
            for path in (tmp_path / "a", tmp_path / "folder" / "b"):
                assert stat.S_IMODE(path.stat().st_mode) == 0o640
            assert [path.name for path in (tmp_path / "folder").iterdir()] == ["b"]
        finally:
            os.umask(before)

    def test_a_link_stays_and_its_target_is_replaced(self, tmp_path):
        (tmp_path / "there").mkdir()
        (tmp_path / "a").symlink_to(tmp_path / "there" / "b")
        for text in ("one", "two"):
            write_file(tmp_path / "a", text)
            assert (tmp_path / "a").is_symlink() and (tmp_path / "there" / "b").read_text() == text
        assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["a"]

    def test_a_pipe_is_written_directly(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        written = []
        reader = Thread(target=lambda: written.append((tmp_path / "pipe").read_text()))
        reader.start()
        write_file(tmp_path / "pipe", "x")
        reader.join()
        assert written == ["x"] and (tmp_path / "pipe").is_fifo()

    def test_writers_of_one_file_share_no_temporary_name(self, tmp_path):
        with replacing(tmp_path / "a") as first, replacing(tmp_path / "a") as second:
            assert first != second and first.parent == second.parent == tmp_path
            first.write_text("one")
            second.write_text("two")
        assert (tmp_path / "a").read_text() == "one"

    def test_what_a_killed_process_left_is_removed(self, tmp_path):
        killed, folder = (tmp_path / f".{name}.{'0a' * 6}.part" for name in ("killed.txt", "run"))
        killed.write_text("half")
        folder.mkdir()
        (folder / "x").write_text("half")
        (tmp_path / ".mine.part").write_text("of somebody else")
        (tmp_path / f".link.{'0a' * 6}.part").symlink_to(tmp_path)
        write_file(tmp_path / "a.txt", "new")
        kept = sorted(path.name for path in tmp_path.iterdir())
        assert kept == [f".link.{'0a' * 6}.part", ".mine.part", "a.txt"]

    def test_nothing_is_removed_while_somebody_writes_into_the_folder(self, tmp_path):
        with replacing(tmp_path / "a") as part:
            # safetensors, too, replaces the file that it was given by another one.
            (tmp_path / "other").write_text("whole")
            os.replace(tmp_path / "other", part)
            with new_folder(tmp_path / "folder"):
                pass
            another = "import pathlib, sys, facegen.core.files as f; f.write_file(pathlib.Path(sys.argv[1]), 'b')"
            subprocess.run([sys.executable, "-c", another, tmp_path / "b"], check=True)
        assert [(tmp_path / name).read_text() for name in "ab"] == ["whole", "b"]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "folder"]

    def test_a_name_that_is_not_utf8_is_written_as_an_escape(self, tmp_path):
        write_file(tmp_path / "a.json", json.dumps({"name": "r\udcff"}, ensure_ascii=False))
        assert json.loads((tmp_path / "a.json").read_text()) == {"name": "r\udcff"}

    def test_a_file_that_is_being_written_is_left_to_its_writer(self, tmp_path):
        with replacing(tmp_path / "a.txt") as part:
            part.write_text("whole")
            with new_folder(tmp_path / "folder"):
                pass
        assert (tmp_path / "a.txt").read_text() == "whole"

    def test_a_long_name(self, tmp_path):
        write_file(tmp_path / ("ü" * 120), "x")
        assert [path.read_text() for path in tmp_path.iterdir()] == ["x"]

    def test_missing_folders_are_made(self, tmp_path):
        write_file(tmp_path / "b" / "c" / "a", "ü")
        assert (tmp_path / "b" / "c" / "a").read_bytes() == "ü".encode()


class TestFolder:
    @pytest.mark.parametrize("error", [Killed(), KeyboardInterrupt(), FULL])
    @pytest.mark.parametrize("old", [None, "old"])
    def test_stopped_anywhere_it_is_the_old_folder_or_the_new(self, tmp_path, error, old):
        for last in itertools.count():
            folder = tmp_path / f"{last}" / "folder"
            if old:
                fill(folder, old)
            with failing(last, error) as disk:
                try:
                    fill(folder, "new")
                except type(error):
                    pass
            if old or folder.exists():
                assert content(folder) in (({old}, 3), ({"new"}, 3))
            fill(folder, "newer")
            assert content(folder) == ({"newer"}, 3)
            assert [entry.name for entry in folder.parent.iterdir()] == ["folder"]
            if not disk.failed:
                break
        assert last >= 10

    def test_a_folder_that_is_being_built_is_left_to_its_builder(self, tmp_path):
        with new_folder(tmp_path / "a") as first:
            (first / "x").touch()
            fill(tmp_path / "a", "other")
            assert (first / "x").exists()
        assert [path.name for path in (tmp_path / "a").iterdir()] == ["x"]

    def test_a_reader_that_restores_in_between_does_not_stop_the_writer(self, tmp_path, monkeypatch):
        fill(tmp_path / "a", "old")
        rename, calls = os.rename, itertools.count()

        def interrupted(source, target):
            if next(calls) == 1:
                rename(tmp_path / ".a.replaced", tmp_path / "a")
            rename(source, target)

        monkeypatch.setattr(os, "rename", interrupted)
        fill(tmp_path / "a", "new")
        assert content(tmp_path / "a") == ({"new"}, 3)
        assert [path.name for path in tmp_path.iterdir()] == ["a"]

    def test_killed_while_it_is_built(self, tmp_path):
        fill(tmp_path / "a", "old")
        program = (
            "import os, signal, sys; from pathlib import Path; from facegen.core.files import new_folder\n"
            "with new_folder(Path(sys.argv[1])) as part:\n"
            "    (part / 'half.txt').write_text('half')\n"
            "    os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        done = subprocess.run([sys.executable, "-c", program, tmp_path / "a"])
        assert done.returncode == -signal.SIGKILL
        assert content(tmp_path / "a") == ({"old"}, 3) and len(list(tmp_path.iterdir())) == 2
        fill(tmp_path / "a", "new")
        assert content(tmp_path / "a") == ({"new"}, 3) and len(list(tmp_path.iterdir())) == 1


class TestLock:
    def test_a_second_one_is_told_and_gets_it_afterwards(self, tmp_path):
        path = tmp_path / ".lock"
        with file_lock(path):
            with pytest.raises(BlockingIOError), file_lock(path):
                pass
            with file_lock(tmp_path / "other"):
                pass
        with file_lock(path):
            pass
        assert not list(tmp_path.iterdir())

    def test_one_by_one_at_work(self, tmp_path):
        """Four processes never hold the lock together, although each removes the file that the next may have opened."""
        path, at_work, most = tmp_path / ".lock", [], []

        def work():
            for _ in range(25):
                with file_lock(path, wait=True):
                    at_work.append(1)
                    most.append(len(at_work))
                    at_work.pop()

        threads = [Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(most) == 100 and max(most) == 1

    def test_an_error_within_gives_it_up(self, tmp_path):
        path = tmp_path / ".lock"
        with pytest.raises(KeyError), file_lock(path):
            raise KeyError("anything")
        with file_lock(path):
            pass

    def test_where_there_are_no_locks_everybody_gets_it(self, tmp_path, monkeypatch):
        def refuse(file, operation):
            raise OSError(errno.ENOLCK, "no locks available")

        monkeypatch.setattr(fcntl, "flock", refuse)
        held_by = []
        with file_lock(tmp_path / ".lock"):
            held_by.append("one")
            with file_lock(tmp_path / ".lock"):
                held_by.append("other")
        assert held_by == ["one", "other"]


class TestRemove:
    def test_files_folders_and_links(self, tmp_path):
        (tmp_path / "folder" / "below").mkdir(parents=True)
        (tmp_path / "link").symlink_to(tmp_path / "kept")
        (tmp_path / "kept").mkdir()
        (tmp_path / "file").touch()
        for name in ("folder", "link", "file", "nothing"):
            files.remove(tmp_path / name)
        assert [path.name for path in tmp_path.iterdir()] == ["kept"]
