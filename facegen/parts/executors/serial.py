"""Executor: serial."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from facegen.core.collection_interfaces import Executor


class Serial(Executor):
    """Serial execution in the calling process.

    A task that kills its process ends the whole collection; `processes` survives that.

    Source:
        Ours.
    """

    def run(self, work: Callable[[Any], Any], tasks: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        for task in tasks:
            try:
                answer = work(task)
            except Exception as error:  # the other tasks go on, whatever this one raised
                answer = error
            yield task, answer
