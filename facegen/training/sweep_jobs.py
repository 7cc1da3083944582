"""Processes of a sweep: several commands per run, several runs at a time."""

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from facegen.core.interruption import Interruption

State = Literal["finished", "failed", "interrupted", "not started"]
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Job:
    """Commands of one run.

    Attributes:
        name: of the run.
        commands: run one after another, until one fails.
        log: file that their output is appended to.
    """

    name: str
    commands: Sequence[Sequence[str]]
    log: Path


@dataclass(frozen=True)
class Result:
    """End of a job: its state, its duration, and the last line of the log if it failed."""

    name: str
    state: State
    seconds: float = 0.0
    reason: str = ""


class JobRunner:
    """Runs jobs; one that fails does not stop the others.

    Args:
        num_jobs: largest number of processes at a time.
        interruption: on a request, running processes get the signal once, so that a training saves a checkpoint, and
            no further job starts.
    """

    def __init__(self, num_jobs: int, interruption: Interruption) -> None:
        self._num_jobs, self._interruption = num_jobs, interruption
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._is_stopping = False

    def run(self, jobs: Sequence[Job], report: Callable[[Result], object]) -> list[Result]:
        """Run jobs; return their results in the order of the jobs, and report each when it ends."""
        with ThreadPoolExecutor(self._num_jobs) as pool:
            pending = {pool.submit(self._work, job) for job in jobs}
            results: dict[str, Result] = {}
            while pending:
                done, pending = wait(pending, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
                self._stop_if_requested()
                for future in done:
                    self._collect(future, results, report)
        return [results[job.name] for job in jobs]

    def _collect(
        self, future: "Future[Result]", results: dict[str, Result], report: Callable[[Result], object]
    ) -> None:
        result = future.result()
        results[result.name] = result
        if result.state != "not started":
            report(result)

    def _stop_if_requested(self) -> None:
        if self._interruption.signal_number and not self._is_stopping:
            self._is_stopping = True
            for process in list(self._processes):
                process.send_signal(self._interruption.signal_number)

    def _work(self, job: Job) -> Result:
        start = time.monotonic()
        for command in job.commands:
            if self._interruption.signal_number:
                return Result(job.name, "not started" if command is job.commands[0] else "interrupted")
            code = self._call(command, job.log)
            seconds = time.monotonic() - start
            if self._interruption.signal_number and code:
                return Result(job.name, "interrupted", seconds)
            if code:
                return Result(job.name, "failed", seconds, _last_line(job.log))
        return Result(job.name, "finished", time.monotonic() - start)

    def _call(self, command: Sequence[str], log: Path) -> int:
        num_threads = max(1, (os.cpu_count() or 1) // self._num_jobs)
        environment = {"OMP_NUM_THREADS": str(num_threads), **os.environ}
        log.parent.mkdir(parents=True, exist_ok=True)
        # In a session of its own, a process gets Ctrl-C from here alone: a second one would end it without saving.
        with (
            log.open("ab") as output,
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                             env=environment, start_new_session=True) as process,
        ):  # fmt: skip
            self._processes.add(process)
            if self._is_stopping:  # requested between the start of the process and its registration
                process.send_signal(self._interruption.signal_number)
            try:
                return process.wait()
            finally:
                self._processes.discard(process)


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    errors = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
    return (errors or lines or ["no output"])[-1].strip()
