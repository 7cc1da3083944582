"""Work of several threads, a few items ahead of the reader, in order."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

MAX_WORKERS = 16

Result = TypeVar("Result")


def run_ahead(tasks: Iterable[Callable[[], Result]], thread_name: str) -> Iterator[Result]:
    """Yield the results of tasks in order, while threads run the next few.

    Args:
        tasks: drawn one by one, by the caller's thread.
        thread_name: start of the threads' names.
    """
    workers = min(os.cpu_count() or 1, MAX_WORKERS)
    ahead: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix=thread_name) as pool:
        try:
            for task in tasks:
                ahead.append(pool.submit(task))
                if len(ahead) > 2 * workers:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
