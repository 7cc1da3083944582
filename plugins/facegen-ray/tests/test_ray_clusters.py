"""Joining clusters: one of several machines, one started for the purpose, and none."""

import os
import time

import pytest

ray = pytest.importorskip("ray", reason="ray is not installed: pip install ray")

from facegen_ray.executor import Ray  # noqa: E402
from ray.cluster_utils import Cluster  # noqa: E402
from ray_tasks import work  # noqa: E402

from facegen import RecipeError  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning")]


@pytest.fixture(autouse=True)
def nobody_has_joined(monkeypatch):
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert not ray.is_initialized()
    yield
    assert not ray.is_initialized(), "the cluster was not left"


@pytest.fixture
def two_machines():
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    second = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    yield cluster, second
    cluster.shutdown()


def test_tasks_run_on_two_machines(two_machines, tmp_path):
    cluster, _ = two_machines
    tasks = [("meet one", str(tmp_path)), ("meet other", str(tmp_path))]
    answers = dict(Ray(address=cluster.address).run(work, tasks))
    nodes, met = zip(*answers.values(), strict=True)
    assert met == (2, 2)
    assert len(set(nodes)) == 2


def test_lost_machine_fails_its_own_task_only(two_machines):
    cluster, second = two_machines
    executor = Ray(address=cluster.address, max_in_flight=6)
    answers = {}
    for task, answer in executor.run(work, [("node", number) for number in range(8)]):
        answers[task] = answer
        if len(answers) == 2:
            cluster.remove_node(second, allow_graceful=False)
    assert len(answers) == 8
    lost = [answer for answer in answers.values() if isinstance(answer, Exception)]
    assert len(lost) <= 1
    assert all(isinstance(answer, ChildProcessError) for answer in lost)


def test_local_cluster_is_started_and_ended():
    answers = dict(Ray().run(work, [("back", number) for number in range(3)]))
    assert answers == {("back", number): ("back", number) for number in range(3)}


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "[::1]:1", "127.0.0.1:99999", "no address"])
def test_missing_cluster_is_refused(address):
    started = time.monotonic()
    with pytest.raises(RecipeError) as raised:
        next(Ray(address=address).run(work, [("back", 0)]))
    assert str(raised.value).startswith(f"[executor] address = '{address}': no Ray cluster can be had there (")
    assert "start one with `ray start --head`" in str(raised.value)
    assert time.monotonic() - started < 30


def test_missing_cluster_of_the_environment_is_refused(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(RecipeError, match=r"\[executor\] RAY_ADDRESS = '127\.0\.0\.1:1': no Ray cluster can be had"):
        next(Ray().run(work, [("back", 0)]))


def test_usage_is_not_reported():
    next(Ray().run(work, [("back", 0)]))
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
