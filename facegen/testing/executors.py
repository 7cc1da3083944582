"""The check of executors."""

import os
from collections.abc import Iterator

from facegen.core.batch import DataSpec
from facegen.core.collection_interfaces import Executor
from facegen.testing.expect import expect

NUM_TASKS = 5
FAILS = 3
MOST_AHEAD = 64
"""More workers than this need a check of their own."""


def check_executor(executor: Executor, data: DataSpec) -> None:
    """Every task is answered once, what goes wrong costs one task only, and tasks are asked for as they are needed."""
    answers = dict(executor.run(_square_unless_it_fails, range(NUM_TASKS)))
    expect(sorted(answers) == list(range(NUM_TASKS)), f"of tasks 0 to {NUM_TASKS - 1}, it answered {sorted(answers)}")
    failed = answers.pop(FAILS)
    named = isinstance(failed, ValueError) and "task 3" in str(failed)
    expect(named, f"where the work raises ValueError('task 3 fails'), it answers {failed!r}")
    for task, answer in answers.items():
        right = isinstance(answer, tuple) and answer[0] == task**2
        expect(right, f"answers {answer!r}, where the work returned ({task**2}, its process)")
    expect(list(executor.run(_square_unless_it_fails, ())) == [], "answers tasks that there are not")
    _check_laziness(executor)
    if all(process != os.getpid() for _, process in answers.values()):
        _check_survival(executor)


def _check_laziness(executor: Executor) -> None:
    asked = 0

    def endless() -> Iterator[int]:
        nonlocal asked
        while True:
            expect(asked < 4 * MOST_AHEAD, "asks for tasks without end before it answers any")
            asked += 1
            yield 0

    running = executor.run(_square_unless_it_fails, endless())
    next(running)
    expect(asked <= MOST_AHEAD, f"asked for {asked} tasks before it answered one; ask as workers get free")
    close = getattr(running, "close", None)
    expect(close is not None, "run returns what cannot be closed; make it a generator")
    if close is not None:
        close()
    expect(next(running, None) is None, "goes on after its iterator was closed")


def _check_survival(executor: Executor) -> None:
    answers = dict(executor.run(_die_at_one, range(3)))
    expect(sorted(answers) == [0, 1, 2], f"after a process died, only the tasks {sorted(answers)} of 0 to 2 came back")
    expect(isinstance(answers[1], Exception), f"answers {answers[1]!r} for a task whose process died")
    expect(answers[0] == 0 and answers[2] == 2, f"a process that died took other tasks with it: {answers}")


def _square_unless_it_fails(task: int) -> tuple[int, int]:
    if task == FAILS:
        raise ValueError(f"task {task} fails")
    return task**2, os.getpid()


def _die_at_one(task: int) -> int:
    if task == 1:
        os._exit(7)
    return task
