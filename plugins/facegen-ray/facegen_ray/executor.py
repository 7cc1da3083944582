"""Executor: a Ray cluster."""

import logging
import os
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import ray
from pydantic import Field
from ray.exceptions import RayError, RayTaskError

from facegen import Executor, RecipeError
from facegen_ray.attempt import attempt

_END = object()
_REACH_SECONDS = 10.0


class Ray(Executor):
    """Parallel execution on a Ray cluster.

    If a worker dies, or a machine leaves the cluster, only its own tasks fail, with a ChildProcessError; no task is
    tried twice. Every machine must have facegen and this package installed, and the same folders under the same paths.
    Ray's usage reports are switched off.

    Settings:
        address: of the cluster's head, such as `10.0.0.1:6379`, `ray://10.0.0.1:10001` or `auto`. Empty takes the
            environment variable RAY_ADDRESS or, where it is not set, starts a cluster of this machine alone.
        num_cpus: number of cores reserved for a task.
        max_in_flight: largest number of tasks that are sent and not finished; 0 sends as many as the cluster has cores
            for. A cluster that grows with its queue needs more.
    Raises:
        RecipeError: there is no cluster, or none of its machines has num_cpus cores.
    Source:
        Moritz et al. 2018 (Ray).
    """

    def __init__(
        self,
        *,
        address: str = "",
        num_cpus: Annotated[float, Field(gt=0, le=1024)] = 1.0,
        max_in_flight: Annotated[int, Field(ge=0, le=100000)] = 0,
    ) -> None:
        self.address, self.num_cpus, self.max_in_flight = address, num_cpus, max_in_flight

    def run(self, work: Callable[[Any], Any], tasks: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        with _connected(self.address):
            self._check_size()
            remote = ray.remote(num_cpus=self.num_cpus, max_retries=0)(attempt)
            source = iter(tasks)
            flying: dict[Any, Any] = {}
            try:
                while True:
                    while len(flying) < self._limit() and (task := next(source, _END)) is not _END:
                        flying[remote.remote(work, task)] = task
                    if not flying:
                        return
                    ended, _ = ray.wait(list(flying), num_returns=1)
                    yield flying.pop(ended[0]), _answer(ended[0])
            finally:
                for reference in flying:
                    ray.cancel(reference, force=True)

    def _limit(self) -> int:
        """Return the current limit, which changes as machines join and leave."""
        return self.max_in_flight or max(1, int(ray.cluster_resources().get("CPU", 0) / self.num_cpus))

    def _check_size(self) -> None:
        most = max((node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]), default=0)
        if most < self.num_cpus:
            raise RecipeError(
                f"[executor] num_cpus = {self.num_cpus:g}: no machine of the cluster has more than {most:g} cores"
            )


def _answer(reference: Any) -> Any:
    try:
        return ray.get(reference)
    except RayTaskError as error:
        return RuntimeError(
            f"the task or its result cannot be sent ({_first_line(error.cause)}); install what it needs on every "
            f"machine of the cluster"
        )
    except RayError as error:
        return ChildProcessError(f"the worker died ({type(error).__name__}: {_first_line(error)})")


def _first_line(error: BaseException) -> str:
    """Return the first line, without the traces of Ray's workers."""
    return str(error).strip().partition("\n")[0]


@contextmanager
def _connected(address: str) -> Iterator[None]:
    """Connect to the cluster, and disconnect afterwards unless it was connected before."""
    if ray.is_initialized():
        yield
        return
    # Set before Ray starts, which would otherwise send usage reports.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        _reach(address or os.environ.get("RAY_ADDRESS", ""))
        ray.init(address or None, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError, OSError, OverflowError) as error:
        source = f"address = '{address}'" if address else f"RAY_ADDRESS = '{os.environ.get('RAY_ADDRESS', '')}'"
        raise RecipeError(
            f"[executor] {source}: no Ray cluster can be had there ({_first_line(error)}); start one with "
            f"`ray start --head`, or leave it empty for a cluster of this machine alone"
        ) from None
    try:
        yield
    finally:
        ray.shutdown()


def _reach(address: str) -> None:
    """Check that the address accepts connections; Ray itself would try for 15 minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), _REACH_SECONDS).close()
