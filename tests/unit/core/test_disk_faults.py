"""Messages about faults of disks and paths."""

import errno
import os

import pytest
from safetensors import SafetensorError

from facegen.core.disk_faults import KEPT, explain_disk_fault, write_fault
from facegen.core.errors import DataError
from facegen.core.files import new_folder, replacing, write_file


def test_a_full_disk_names_place_reason_rest_and_remedy():
    error = OSError(errno.ENOSPC, "No space left on device", "/data/x.png")
    assert explain_disk_fault(error) == (
        f"/data/x.png: cannot be written: no space is left on the disk; {KEPT}; free some space, or give another "
        f"place, and call it again"
    )


def test_an_error_of_another_library_is_known_by_its_number():
    error = RuntimeError("I/O error: No space left on device (os error 28)")
    assert write_fault(error) == errno.ENOSPC and "no space is left" in explain_disk_fault(error, "a shard")
    assert write_fault(RuntimeError("tensor 28")) is None
    assert write_fault(FileNotFoundError(errno.ENOENT, "gone")) is None


def test_a_full_disk_under_the_class_of_a_library_is_an_os_error_of_the_file(tmp_path):
    (tmp_path / "a").write_text("old")
    for write in (replacing, new_folder):
        with pytest.raises(OSError, match="No space left on device") as caught, write(tmp_path / "a"):
            raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")
        assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(tmp_path / "a"))
    with pytest.raises(SafetensorError, match="wrong"), replacing(tmp_path / "a"):
        raise SafetensorError("wrong shape")
    with pytest.raises(DataError), replacing(tmp_path / "a"):  # a message that quotes such an error stays
        raise DataError("x: I/O error (os error 28)")
    assert [path.name for path in tmp_path.iterdir()] == ["a"] and (tmp_path / "a").read_text() == "old"


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
