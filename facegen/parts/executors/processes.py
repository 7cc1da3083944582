"""The executor `processes`."""

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
    """Does tasks in processes of this machine, one task a process at a time.

    A process that dies, as a damaged video may make a decoder do, costs its own task only: the task's answer is a
    ChildProcessError, and another process takes its place. When the process that asks is gone, however it went, its
    workers go too.

    Settings:
        num_workers: how many processes; 0 starts one for each core that may be used.
        task_minutes: a task that takes longer is stopped, and its answer is a TimeoutError; 0 lets it take its time.
    Source:
        Ours. The processes are spawned, because a fork would copy threads' locks with no thread to open them.
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
    """Those that have an answer, or will never have one; waits until there is one."""
    while True:
        deadline = min(worker.deadline for worker in busy)
        seconds = None if deadline == float("inf") else max(0.0, deadline - time.monotonic())
        ready = wait([worker.connection for worker in busy], seconds)
        now = time.monotonic()
        ended = [worker for worker in busy if worker.connection in ready or now >= worker.deadline]
        if ended:
            return ended
