import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from executor_tasks import TwoArgumentsError, work

from facegen.core.recipe.settings import check_table, settings_model
from facegen.parts.executors.processes import Processes
from facegen.parts.executors.serial import Serial

HERE = Path(__file__).parent


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition, seconds: float = 120.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_serial_runs_in_order_in_this_process():
    answers = list(Serial().run(work, [("pid", 0), ("raise", 0), ("back", 2)]))
    assert [task for task, _ in answers] == [("pid", 0), ("raise", 0), ("back", 2)]
    assert answers[0][1] == os.getpid() and answers[2][1] == ("back", 2)
    assert isinstance(answers[1][1], TwoArgumentsError)


def test_failed_task_fails_alone():
    tasks = [("die", 7), ("kill", 9), ("raise", 0), ("exit", 0), ("unsendable", 0), ("back", 5), ("pid", 6)]
    answers = dict(Processes(num_workers=2).run(work, tasks))
    assert set(answers) == set(tasks)
    assert isinstance(answers["die", 7], ChildProcessError) and "exit code 7" in str(answers["die", 7])
    assert isinstance(answers["kill", 9], ChildProcessError)
    assert "SIGKILL, perhaps for want of memory" in str(answers["kill", 9])
    assert isinstance(answers["exit", 0], ChildProcessError) and "exit code 3" in str(answers["exit", 0])
    # An exception that cannot be unpickled arrives as another one with the same message.
    assert isinstance(answers["raise", 0], RuntimeError) and "TwoArgumentsError: one and two" in str(
        answers["raise", 0]
    )
    assert isinstance(answers["unsendable", 0], RuntimeError)
    assert answers["back", 5] == ("back", 5)
    assert answers["pid", 6] not in (0, os.getpid())


def test_task_beyond_its_time_limit_is_stopped():
    answers = dict(Processes(num_workers=1, task_minutes=0.5 / 60).run(work, [("sleep", 600), ("sleep", 0)]))
    assert isinstance(answers["sleep", 600], TimeoutError)


def test_tasks_are_fetched_on_demand_and_closing_stops_the_workers(tmp_path):
    fetched = []

    def tasks():
        for number in range(100):
            fetched.append(number)
            yield ("back", 0) if number == 0 else ("write", tmp_path / f"{number}.pid")

    running = Processes(num_workers=2).run(work, tasks())
    assert next(running) == (("back", 0), ("back", 0))
    assert fetched == [0, 1]
    assert wait_until(lambda: (tmp_path / "1.pid").exists() and (tmp_path / "1.pid").read_text())
    pid = int((tmp_path / "1.pid").read_text())
    assert is_alive(pid)
    running.close()
    assert wait_until(lambda: not is_alive(pid), 10)
    assert fetched == [0, 1]


def test_workers_end_with_their_parent_process(tmp_path):
    program = tmp_path / "asks.py"
    program.write_text(
        "from executor_tasks import work\n"
        "from facegen.parts.executors.processes import Processes\n"
        "if __name__ == '__main__':\n"
        f"    list(Processes(num_workers=1).run(work, [('write', {str(tmp_path / 'pid')!r})]))\n"
    )
    asking = subprocess.Popen([sys.executable, program], env={**os.environ, "PYTHONPATH": str(HERE)})
    try:
        assert wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
        pid = int((tmp_path / "pid").read_text())
        assert is_alive(pid)
    finally:
        asking.kill()
        asking.wait()
    assert wait_until(lambda: not is_alive(pid), 30)


def test_bad_executor_settings_are_refused():
    assert Processes().num_workers == len(os.sched_getaffinity(0))
    model = settings_model(Processes)
    _, problems = check_table(model, {"num_workers": -1, "task_minutes": -1.0, "workers": 2})
    assert len(problems) == 3
    assert "did you mean 'num_workers'?" in problems[2]


@pytest.mark.parametrize("executor", [Serial(), Processes(num_workers=1)])
def test_no_tasks_give_no_results(executor):
    assert list(executor.run(work, [])) == []
