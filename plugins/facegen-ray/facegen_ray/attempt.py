"""What a worker of the cluster does with a task."""

import pickle
from collections.abc import Callable
from typing import Any


def attempt(work: Callable[[Any], Any], task: Any) -> Any:
    """The answer, or the exception in its place, so that only a worker that died has none."""
    try:
        return work(task)
    except Exception as error:
        return _that_travels(error)


def _that_travels(error: Exception) -> Exception:
    """The exception, or another one that says the same where it could not be unpacked at the other end."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
