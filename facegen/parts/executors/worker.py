"""A process that does one task after the other. It imports nothing but Python, so that it starts fast."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.reduction import ForkingPickler
from typing import Any, Self

STOP_SECONDS = 5.0


@dataclass
class Worker:
    """A process of this machine, as the process that gives it tasks sees it.

    Attributes:
        process, connection: itself, and the way to it.
        task: what it was given last.
        deadline: when that task must have ended, by `time.monotonic`.
        is_alive: it can take another task.
    """

    process: SpawnProcess
    connection: Connection
    task: Any = None
    deadline: float = float("inf")
    is_alive: bool = True

    @classmethod
    def start(cls, context: SpawnContext) -> Self:
        """A process that waits for its first task."""
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs,), name="facegen-worker", daemon=True)
        process.start()
        # Its own end alone is open over there, so that a worker's death closes the pipe.
        theirs.close()
        return cls(process, ours)

    def takes(self, work: Callable[[Any], Any], task: Any, deadline: float) -> bool:
        """Give it a task, unless it died while it had none."""
        self.task, self.deadline = task, deadline
        try:
            self.connection.send((work, task))
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def answer(self) -> Any:
        """What the task came to; the worker has answered, died, or run out of time."""
        if time.monotonic() >= self.deadline and not self.connection.poll():
            self.stop()
            return TimeoutError("took longer than the executor's task_minutes")
        try:
            return self.connection.recv()
        except (EOFError, OSError):
            self.process.join(STOP_SECONDS)
            self.stop()
            return ChildProcessError(f"its process died ({_ending(self.process.exitcode)})")

    def ask_to_stop(self) -> None:
        """Tell it to go, without waiting until it has."""
        self.process.terminate()

    def stop(self) -> None:
        """End it, whatever it does."""
        self.is_alive = False
        self.process.terminate()
        self.process.join(STOP_SECONDS)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
        self.connection.close()


def _ending(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        name = signal.Signals(-exitcode).name
        return f"{name}, perhaps for want of memory" if name == "SIGKILL" else name
    return f"exit code {exitcode}"


def _serve(connection: Connection) -> None:
    """What a worker does until it is stopped."""
    # Ctrl-C reaches every process of the terminal; the one that asks decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            work, task = connection.recv()
        except EOFError:
            return
        try:
            answer = work(task)
        except Exception as error:  # travels back in the place of the answer
            answer = error
        connection.send_bytes(_packed(answer))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
    os._exit(1)


def _packed(answer: Any) -> bytes:
    """The answer as bytes that can be unpacked again, which not every exception can."""
    try:
        packed = bytes(ForkingPickler.dumps(answer))
        if isinstance(answer, Exception):
            ForkingPickler.loads(packed)
    except Exception as error:
        said = f"{type(answer).__name__}: {answer}" if isinstance(answer, Exception) else f"its answer: {error}"
        packed = bytes(ForkingPickler.dumps(RuntimeError(said)))
    return packed
