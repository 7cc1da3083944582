"""Messages about faults of disks and paths."""

import errno
import os

import pytest

from facegen.core.disk_faults import KEPT, explain_disk_fault, is_disk_fault
from facegen.core.files import new_folder, write_file


def test_a_full_disk_names_place_reason_rest_and_remedy():
    error = OSError(errno.ENOSPC, "No space left on device", "/data/x.png")
    assert explain_disk_fault(error) == (
        f"/data/x.png: cannot be written: no space is left on the disk; {KEPT}; free some space, or give another "
        f"place, and call it again"
    )


def test_an_error_of_another_library_is_known_by_its_number():
    error = RuntimeError("I/O error: No space left on device (os error 28)")
    assert is_disk_fault(error) and "no space is left" in explain_disk_fault(error, "a shard")
    assert not is_disk_fault(RuntimeError("tensor 28"))


def test_a_temporary_name_is_replaced_by_that_of_the_user():
    error = OSError(errno.EIO, "Input/output error", "/data/.faces.0123456789ab.part/a")
    assert explain_disk_fault(error).startswith("/data/faces/a: cannot be read or written")


def test_an_unknown_error_keeps_its_text():
    assert "cannot be used: odd" in explain_disk_fault(OSError("odd"))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.ENAMETOOLONG, errno.EROFS])
def test_an_error_without_a_name_gets_that_of_the_file(number, tmp_path, monkeypatch):
    def fail(*arguments):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError) as caught:
        write_file(tmp_path / "a.png", "x")
    assert caught.value.filename == str(tmp_path / "a.png")
    with pytest.raises(OSError) as caught, new_folder(tmp_path / "b") as part:
        (part / "c").write_text("x")
    assert caught.value.filename == str(tmp_path / "b")


def test_a_name_that_is_too_long_and_a_file_in_place_of_a_folder(tmp_path):
    (tmp_path / "a").write_text("mine")
    for path in (tmp_path / ("n" * 300), tmp_path / "a" / "b", tmp_path / "a" / "b" / "c"):
        with pytest.raises(OSError) as caught:
            write_file(path, "x")
        assert explain_disk_fault(caught.value).startswith(str(tmp_path))
    assert (tmp_path / "a").read_text() == "mine"
