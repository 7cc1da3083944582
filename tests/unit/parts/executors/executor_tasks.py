"""Tasks of the workers; the module imports little, so that workers start fast."""

import os
import time
from pathlib import Path


class TwoArgumentsError(Exception):
    """Exception that cannot be unpickled: its arguments are not those of its constructor."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second}")


def work(task: tuple[str, object]) -> object:
    match task:
        case "pid", _:
            return os.getpid()
        case "sleep", seconds:
            time.sleep(float(str(seconds)))
            return "slept"
        case "die", code:
            os._exit(int(str(code)))
        case "kill", number:
            os.kill(os.getpid(), int(str(number)))
            time.sleep(60)
        case "raise", _:
            raise TwoArgumentsError("one", "two")
        case "exit", _:
            raise SystemExit(3)
        case "unsendable", _:
            return lambda: None
        case "write", path:
            Path(str(path)).write_text(str(os.getpid()))
            time.sleep(60)
    return task
