"""One benchmark in a process of its own, so that memory and compiled code of the others do not count."""

import importlib
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from typing import Any


def run_alone(name: str, quick: bool, seconds: float) -> dict[str, Any]:
    """Run a benchmark in a new process; return its results as JSON.

    This process imports neither numpy nor torch before, so that variables of the environment count for the new one.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(run, name, quick, seconds).result()


def run(name: str, quick: bool, seconds: float) -> dict[str, Any]:
    """Run a benchmark in this process; return its results as JSON."""
    from benchmarks.harness import Progress, print_rows, to_json
    from benchmarks.machine import describe_machine

    module, began = importlib.import_module(f"benchmarks.{name}"), time.monotonic()
    machine = describe_machine()
    rows = module.measure(Progress(name, seconds, quick))
    print_rows(rows)
    return {
        "title": module.TITLE,
        "text": module.TEXT,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "seconds": round(time.monotonic() - began, 1),
        "machine": machine,
        "rows": [to_json(row) for row in rows],
    }
