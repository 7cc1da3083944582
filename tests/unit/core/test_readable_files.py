"""Files that users give are regular ones, and every error of reading names the file."""

import os
import re
import socket
from pathlib import Path

import pytest

import facegen
from facegen.core import readable_files
from facegen.core.errors import DataError
from facegen.core.readable_files import open_bytes, read_bytes, real_path, special_file


def test_a_regular_file_is_read(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 100_000)
    assert read_bytes(tmp_path / "a") == b"x" * 100_000
    with open_bytes(tmp_path / "a") as file:
        assert file.read(3) == b"xxx" and os.fstat(file.fileno()).st_size == 100_000


@pytest.mark.parametrize("whole", [True, False])
def test_an_error_of_the_disk_names_the_file(whole, monkeypatch):
    # The memory of a process begins with pages that cannot be read: an error as of a damaged disk.
    monkeypatch.setattr(readable_files, "_OF_KERNEL", ("/nowhere/",))
    with open_bytes(Path("/proc/self/mem")) as file, pytest.raises(OSError) as raised:
        file.read() if whole else file.read(8)
    assert raised.value.filename == "/proc/self/mem"


def test_special_files_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "socket"))
    (tmp_path / "link").symlink_to("/proc/self/mem")
    wrong = {"pipe": "a pipe", "socket": "a socket", "link": "a file of the kernel", "/dev/zero": "a device"}
    for name, kind in wrong.items():
        assert special_file(tmp_path / name) == kind
        with pytest.raises(DataError, match=f"is {kind}; give a regular file"):
            open_bytes(tmp_path / name)
    listener.close()
    assert special_file(tmp_path) == ""
    with pytest.raises(IsADirectoryError):
        open_bytes(tmp_path)


def test_links_in_a_circle_have_a_path_too(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    assert real_path(tmp_path / "loop").name == "loop"
    assert real_path(tmp_path / "link") == tmp_path / "folder"


def test_no_path_of_a_user_is_resolved_by_a_method_that_refuses_circles():
    """`Path.resolve` and `Path.expanduser` raise RuntimeError for circles of links and unknown users."""
    sources = Path(facegen.__file__).parent.rglob("*.py")
    refusing = re.compile(r"(?<!os\.path)\.(resolve|expanduser)\(")
    assert [path.name for path in sources if refusing.search(path.read_text())] == []
