"""Tasks of the tests; the module imports nothing of facegen, so that workers start fast."""

import os
import signal
import time
from pathlib import Path


class TwoArgumentsError(Exception):
    """Cannot be unpacked in another process: its arguments are not those of its constructor."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second}")


def work(task: tuple[str, object]) -> object:
    match task:
        case "pid", _:
            return os.getpid()
        case "meet one" | "meet other", folder:
            return _meet(Path(str(folder)))
        case "die", code:
            os._exit(int(str(code)))
        case "kill", _:
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)
        case "raise", text:
            raise ValueError(text)
        case "raise two", _:
            raise TwoArgumentsError("one", "two")
        case "unsendable", path:
            return Path(str(path)).open("w")
        case "linger", path:
            Path(str(path)).write_text(str(os.getpid()))
            time.sleep(600)
        case "node", _:
            time.sleep(1)
            return _node()
    return task


def _meet(folder: Path) -> tuple[str, int]:
    """Waits until somebody else is there at the same time."""
    (folder / str(os.getpid())).touch()
    end = time.monotonic() + 120
    while len(list(folder.iterdir())) < 2 and time.monotonic() < end:
        time.sleep(0.02)
    return _node(), len(list(folder.iterdir()))


def _node() -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id())
