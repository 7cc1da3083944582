"""Worker process of the executor `processes`. It imports the standard library only, so that it starts fast."""

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
    """Handle of a worker process.

    Attributes:
        process, connection: the process, and the pipe to it.
        task: its last task.
        deadline: time limit of that task, on the clock of `time.monotonic`.
        is_alive: whether it can take another task.
    """

    process: SpawnProcess
    connection: Connection
    task: Any = None
    deadline: float = float("inf")
    is_alive: bool = True

    @classmethod
    def start(cls, context: SpawnContext) -> Self:
        """Start a process that waits for its first task."""
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs,), name="facegen-worker", daemon=True)
        process.start()
        # The worker then holds the only open end, so that its death closes the pipe.
        theirs.close()
        return cls(process, ours)

    def takes(self, work: Callable[[Any], Any], task: Any, deadline: float) -> bool:
        """Send a task; return False where the worker has died."""
        self.task, self.deadline = task, deadline
        try:
            self.connection.send((work, task))
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def answer(self) -> Any:
        """Return the result of the task, or the exception where it failed, died, or passed its deadline."""
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
        """Ask the process to end, without waiting."""
        self.process.terminate()

    def stop(self) -> None:
        """End the process, by force where it does not end by itself."""
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
    """Run tasks until the connection closes."""
    # Ctrl-C reaches every process of the terminal; the calling process handles it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            work, task = connection.recv()
        except EOFError:
            return
        try:
            answer = work(task)
        except Exception as error:  # is sent back in place of the result
            answer = error
        connection.send_bytes(_packed(answer))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
    os._exit(1)


def _packed(answer: Any) -> bytes:
    """Serialise a result such that it can be deserialised, which not every exception can."""
    try:
        packed = bytes(ForkingPickler.dumps(answer))
        if isinstance(answer, Exception):
            ForkingPickler.loads(packed)
    except Exception as error:
        text = f"{type(answer).__name__}: {answer}" if isinstance(answer, Exception) else f"its answer: {error}"
        packed = bytes(ForkingPickler.dumps(RuntimeError(text)))
    return packed
