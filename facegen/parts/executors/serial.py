"""The executor `serial`."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from facegen.core.collection_interfaces import Executor


class Serial(Executor):
    """Does one task after the other, in the process that asks.

    A task that kills its process ends everything; `processes` survives that.

    Source:
        Ours.
    """

    def run(self, work: Callable[[Any], Any], tasks: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        for task in tasks:
            try:
                answer = work(task)
            except Exception as error:  # the other tasks go on, whatever this one met
                answer = error
            yield task, answer
