"""Processes of a sweep: failures, order, interruption, threads."""

import signal
import sys
import time
from pathlib import Path

from facegen.core.interruption import Interruption
from facegen.training.sweep_jobs import Job, JobRunner, Result


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", code]


def test_a_failed_job_does_not_stop_the_others(tmp_path: Path) -> None:
    fails = "import sys; print('Error: no such corpus'); print('and more'); sys.exit(1)"
    jobs = [
        Job("a", [python(fails), python("print('never')")], tmp_path / "logs" / "a.txt"),
        Job("b", [python("print(1)"), python("print(2)")], tmp_path / "logs" / "b.txt"),
        Job("c", [], tmp_path / "logs" / "c.txt"),
        Job("d", [python("import sys; sys.exit(3)")], tmp_path / "logs" / "d.txt"),
    ]
    reported: list[Result] = []
    results = JobRunner(2, Interruption()).run(jobs, reported.append)
    assert [(one.name, one.state, one.reason) for one in results] == [
        ("a", "failed", "no such corpus"), ("b", "finished", ""), ("c", "finished", ""), ("d", "failed", "no output"),
    ]  # fmt: skip
    assert sorted(one.name for one in reported) == ["a", "b", "c", "d"]
    assert (tmp_path / "logs" / "b.txt").read_text() == "1\n2\n"
    assert "never" not in (tmp_path / "logs" / "a.txt").read_text()


def test_a_stop_reaches_running_processes_once_and_starts_no_others(tmp_path: Path) -> None:
    interruption, ready = Interruption(), tmp_path / "ready"
    code = (
        "import signal, sys, time, pathlib\n"
        "count = []\n"
        "signal.signal(signal.SIGINT, lambda *_: count.append(1))\n"
        f"pathlib.Path({str(ready)!r}).touch()\n"
        "while not count: time.sleep(0.01)\n"
        "time.sleep(0.1); print(len(count)); sys.exit(130)\n"
    )
    jobs = [Job(name, [python(code), python("print('later')")], tmp_path / f"{name}.txt") for name in ("a", "b")]

    class WhenReady(Interruption):
        @property  # type: ignore[override]
        def signal_number(self) -> int:
            return signal.SIGINT if ready.exists() else 0

        @signal_number.setter
        def signal_number(self, value: int) -> None: ...

    start = time.monotonic()
    results = JobRunner(1, WhenReady()).run(jobs, lambda _: None)
    assert [one.state for one in results] == ["interrupted", "not started"]
    assert (tmp_path / "a.txt").read_text() == "1\n" and not (tmp_path / "b.txt").exists()
    assert time.monotonic() - start < 60 and interruption.signal_number == 0


def test_processes_share_the_cores_unless_the_user_says_otherwise(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    show = python("import os; print(os.environ['OMP_NUM_THREADS'])")
    for set_threads, expected in ((None, "4"), ("3", "3")):
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        if set_threads:
            monkeypatch.setenv("OMP_NUM_THREADS", set_threads)
        log = tmp_path / f"{expected}.txt"
        JobRunner(2, Interruption()).run([Job("a", [show], log)], lambda _: None)
        assert log.read_text() == f"{expected}\n"
