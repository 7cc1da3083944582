"""The lock of a judge: one process trains it, the others wait."""

import threading
from pathlib import Path

from facegen.core.progress import Observer
from facegen.evaluation.judging.judge import judge_lock


def test_who_comes_second_waits(tmp_path: Path) -> None:
    """Two processes train one judge once: a lock of the same file from elsewhere, here another open file."""
    waiting, order = threading.Event(), []

    class Second(Observer):
        def say(self, message: str) -> None:
            assert message == "waiting for another process that trains the judge"
            waiting.set()

    def come() -> None:
        with judge_lock(tmp_path / "judges" / "key", Second()):
            order.append("second")

    second = threading.Thread(target=come)
    with judge_lock(tmp_path / "judges" / "key", Observer()):
        second.start()
        assert waiting.wait(10)
        order.append("first")
    second.join(10)
    assert order == ["first", "second"]
