"""Execution of a task in a worker of the cluster."""

import pickle
from collections.abc import Callable
from typing import Any


def attempt(work: Callable[[Any], Any], task: Any) -> Any:
    """Return the result of a task, or the exception that it raised, so that only a worker that died returns nothing."""
    try:
        return work(task)
    except Exception as error:
        return _serialisable(error)


def _serialisable(error: Exception) -> Exception:
    """Return the exception, or a RuntimeError with its text where it cannot be serialised."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
