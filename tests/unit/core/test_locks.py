import errno
import fcntl
from threading import Thread

import pytest

from facegen.core.locks import held


def test_a_second_one_is_told_and_gets_it_afterwards(tmp_path):
    path = tmp_path / ".lock"
    with held(path):
        with pytest.raises(BlockingIOError), held(path):
            pass
        with held(tmp_path / "other"):
            pass
    with held(path):
        pass
    assert not list(tmp_path.iterdir())


def test_one_by_one_at_work(tmp_path):
    """Four who ask at once never work at once, though each removes the file that the next one may have opened."""
    path, at_work, most = tmp_path / ".lock", [], []

    def work():
        for _ in range(25):
            with held(path, wait=True):
                at_work.append(1)
                most.append(len(at_work))
                at_work.pop()

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 100 and max(most) == 1


def test_an_error_within_gives_it_up(tmp_path):
    path = tmp_path / ".lock"
    with pytest.raises(KeyError), held(path):
        raise KeyError("anything")
    with held(path):
        pass


def test_where_there_are_no_locks_everybody_gets_it(tmp_path, monkeypatch):
    def refuse(file, operation):
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    held_by = []
    with held(tmp_path / ".lock"):
        held_by.append("one")
        with held(tmp_path / ".lock"):
            held_by.append("other")
    assert held_by == ["one", "other"]
