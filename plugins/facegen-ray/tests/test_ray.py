"""The contract of an executor, on a Ray of this machine with two workers, and what goes wrong there."""

import os
import time
from pathlib import Path

import pytest

ray = pytest.importorskip("ray", reason="ray is not installed: pip install ray")

from facegen_ray.executor import Ray  # noqa: E402
from ray_tasks import work  # noqa: E402

from facegen import RecipeError  # noqa: E402
from facegen.core.recipe.settings import check_table, settings_model  # noqa: E402
from facegen.testing import check_part  # noqa: E402

# Ray leaves sockets and files of its own to the garbage collector.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning")]


@pytest.fixture(scope="module")
def two_workers():
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()


def wait_until(condition, seconds: float = 60.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_keeps_the_contract(two_workers):
    check_part("executor", Ray)
    assert ray.is_initialized(), "a cluster that somebody else joined is left as it was"


def test_two_workers_run_in_parallel(two_workers, tmp_path):
    tasks = [("meet one", str(tmp_path)), ("meet other", str(tmp_path))]
    answers = dict(Ray().run(work, tasks))
    assert [answers[task][1] for task in tasks] == [2, 2]
    assert str(os.getpid()) not in os.listdir(tmp_path)


def test_failed_task_fails_alone(two_workers, tmp_path):
    tasks = [
        ("die", 7),
        ("raise", "no such video"),
        ("kill", 0),
        ("raise two", 0),
        ("unsendable", str(tmp_path / "x")),
        ("back", 5),
        ("pid", 6),
    ]
    answers = dict(Ray().run(work, tasks))
    assert set(answers) == set(tasks)
    for died in (answers["die", 7], answers["kill", 0]):
        assert type(died) is ChildProcessError
        assert str(died).startswith("the worker died (")
    failed = answers["raise", "no such video"]
    assert (type(failed), failed.args) == (ValueError, ("no such video",))
    assert (type(answers["raise two", 0]), str(answers["raise two", 0])) == (
        RuntimeError,
        "TwoArgumentsError: one and two",
    )
    unsendable = answers["unsendable", str(tmp_path / "x")]
    assert type(unsendable) is RuntimeError
    assert str(unsendable).startswith("the task or its result cannot be sent (")
    assert "\n" not in str(unsendable)
    assert answers["back", 5] == ("back", 5)
    assert answers["pid", 6] not in (0, os.getpid())


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, 2),
        ({"max_in_flight": 5}, 5),
        ({"num_cpus": 2.0}, 1),
        ({"num_cpus": 0.5}, 4),
    ],
)
def test_tasks_are_fetched_on_demand(two_workers, settings, expected):
    fetched = []

    def tasks():
        for number in range(20):
            fetched.append(number)
            yield "back", number

    running = Ray(**settings).run(work, tasks())
    seen = [next(running)[0]]
    assert len(fetched) == expected
    seen += [task for task, _ in running]
    assert sorted(seen) == [("back", number) for number in range(20)]


def test_closing_stops_the_workers(two_workers, tmp_path):
    running = Ray(max_in_flight=2).run(work, [("back", 0), ("linger", str(tmp_path / "pid")), ("linger", "/nowhere/x")])
    assert next(running)[0] == ("back", 0)
    assert wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    pid = int((tmp_path / "pid").read_text())
    assert is_alive(pid)
    running.close()
    assert wait_until(lambda: not is_alive(pid), 30)


def test_more_cores_than_the_cluster_has_are_refused(two_workers):
    with pytest.raises(RecipeError, match=r"num_cpus = 3: no machine of the cluster has more than 2 cores"):
        next(Ray(num_cpus=3.0).run(work, [("back", 0)]))


def test_bad_ray_settings_are_refused():
    values = {"address": 1, "num_cpus": 0.0, "max_in_flight": -1, "cpus": 1}
    _, problems = check_table(settings_model(Ray), values)
    assert len(problems) == 4
