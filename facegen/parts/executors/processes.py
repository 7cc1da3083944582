"""Executor: local processes."""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import wait
from typing import Annotated, Any

from pydantic import Field

from facegen.core.collection_interfaces import Executor
from facegen.parts.executors.worker import Worker

_END = object()


class Processes(Executor):
    """Parallel execution in processes of this machine, one task per process at a time.

    If a process dies, for example in a decoder on a damaged video, only its own task fails, with a ChildProcessError,
    and a new process replaces it. Workers end when the calling process ends, for whatever reason.

    Settings:
        num_workers: number of processes; 0 starts one per available core.
        task_minutes: time limit of a task in minutes, after which it fails with a TimeoutError; 0 sets no limit.
    Source:
        Ours. The processes are spawned, because a fork copies locks that threads hold and not the threads.
    """

    def __init__(
        self,
        *,
        num_workers: Annotated[int, Field(ge=0, le=1024)] = 0,
        task_minutes: Annotated[float, Field(ge=0)] = 0.0,
    ) -> None:
        self.num_workers = num_workers or len(os.sched_getaffinity(0))
        self._task_seconds = task_minutes * 60 if task_minutes else float("inf")

    def run(self, work: Callable[[Any], Any], tasks: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        context = multiprocessing.get_context("spawn")
        source = iter(tasks)
        idle: list[Worker] = []
        busy: list[Worker] = []
        try:
            while True:
                while len(busy) < self.num_workers and (task := next(source, _END)) is not _END:
                    worker = idle.pop() if idle else Worker.start(context)
                    while not worker.takes(work, task, time.monotonic() + self._task_seconds):
                        worker.stop()
                        worker = Worker.start(context)
                    busy.append(worker)
                if not busy:
                    return
                for worker in _ended(busy):
                    task, answer = worker.task, worker.answer()
                    busy.remove(worker)
                    idle += [worker] if worker.is_alive else []
                    yield task, answer
        finally:
            for worker in (*idle, *busy):
                worker.ask_to_stop()
            for worker in (*idle, *busy):
                worker.stop()


def _ended(busy: list[Worker]) -> list[Worker]:
    """Wait for, and return, the workers that have a result or have passed their deadline."""
    while True:
        deadline = min(worker.deadline for worker in busy)
        seconds = None if deadline == float("inf") else max(0.0, deadline - time.monotonic())
        ready = wait([worker.connection for worker in busy], seconds)
        now = time.monotonic()
        ended = [worker for worker in busy if worker.connection in ready or now >= worker.deadline]
        if ended:
            return ended
