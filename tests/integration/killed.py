"""Program of each process of test_processes.py: `facegen train`, in which one process is killed in its fourth step."""

import os
import signal
import sys
from itertools import count

from facegen.cli.main import main
from facegen.training.distributed import Distributed

agree, calls = Distributed.largest, count(1)


def largest(self: Distributed, number: int) -> int:
    if self.rank == 1 and next(calls) == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return agree(self, number)


if __name__ == "__main__":
    Distributed.largest = largest  # type: ignore[method-assign]
    sys.exit(main(sys.argv[1:]))
