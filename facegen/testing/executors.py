"""Check of executors."""

import os
from collections.abc import Iterator

from facegen.core.batch import DataSpec
from facegen.core.collection_interfaces import Executor
from facegen.testing.expect import expect

NUM_TASKS = 5
FAILS = 3
MOST_AHEAD = 64
"""Limit of tasks requested before the first answer; an executor with more workers needs its own check."""


def check_executor(executor: Executor, data: DataSpec) -> None:
    """Check that each task has one answer, a failure affects one task, and tasks are requested as needed."""
    answers = dict(executor.run(_square_unless_it_fails, range(NUM_TASKS)))
    complete = sorted(answers) == list(range(NUM_TASKS))
    expect(complete, f"returned answers to {sorted(answers)} of the tasks 0 to {NUM_TASKS - 1}")
    failed = answers.pop(FAILS)
    named = isinstance(failed, ValueError) and "task 3" in str(failed)
    expect(named, f"returns {failed!r} for a task that raises ValueError('task 3 fails'); must be that error")
    for task, answer in answers.items():
        right = isinstance(answer, tuple) and answer[0] == task**2
        expect(right, f"returns {answer!r} for a task whose result is ({task**2}, its process)")
    expect(list(executor.run(_square_unless_it_fails, ())) == [], "returns answers without any task")
    _check_laziness(executor)
    if all(process != os.getpid() for _, process in answers.values()):
        _check_survival(executor)


def _check_laziness(executor: Executor) -> None:
    num_requested = 0

    def endless() -> Iterator[int]:
        nonlocal num_requested
        while True:
            expect(num_requested < 4 * MOST_AHEAD, "requests tasks without end before it returns an answer")
            num_requested += 1
            yield 0

    running = executor.run(_square_unless_it_fails, endless())
    next(running)
    advice = "request a task when a worker is free"
    expect(num_requested <= MOST_AHEAD, f"requested {num_requested} tasks before the first answer; {advice}")
    close = getattr(running, "close", None)
    expect(close is not None, "run returns an iterator without close(); make it a generator")
    if close is not None:
        close()
    expect(next(running, None) is None, "returns answers after its iterator was closed")


def _check_survival(executor: Executor) -> None:
    answers = dict(executor.run(_die_at_one, range(3)))
    expect(sorted(answers) == [0, 1, 2], f"after a process died, only {sorted(answers)} of tasks 0 to 2 have answers")
    is_exception = isinstance(answers[1], Exception)
    expect(is_exception, f"returns {answers[1]!r} for a task whose process died; must be an exception")
    expect(answers[0] == 0 and answers[2] == 2, f"a process that died changed the answers of other tasks: {answers}")


def _square_unless_it_fails(task: int) -> tuple[int, int]:
    if task == FAILS:
        raise ValueError(f"task {task} fails")
    return task**2, os.getpid()


def _die_at_one(task: int) -> int:
    if task == 1:
        os._exit(7)
    return task
