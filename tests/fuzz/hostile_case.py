"""Run the command line on one case in a forked process, with limits of time and memory, and classify what happens."""

import io
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CPU_SECONDS, IDLE_SECONDS = 90, 60
"""A case hangs that uses more time of the processor, or none at all for so long; other programs change neither."""
MEMORY_BYTES = 6 * 2**30
"""Largest address space that a case may add to that of this process."""
TRACEBACKS = ("Traceback (most recent call last)", "This is a bug in")


@dataclass(frozen=True)
class Case:
    """One call of the program.

    Attributes:
        kind: kind of input, a row of the table.
        words: arguments, in whose text "{folder}" stands for the folder of the case, "{root}" for the one above.
        prepare: writes the files of the case into its folder.
        seconds, mebibytes: limits beyond which the outcome is "slow" or "large"; None for none.
        note: what is hostile.
        before: called in the forked process with the folder, before the program.
        call: a use of the Python interface with the folder, in place of the program.
    """

    kind: str
    words: tuple[str, ...]
    prepare: Callable[[Path], None] = lambda folder: None
    seconds: float | None = None
    mebibytes: float | None = None
    note: str = ""
    before: Callable[[Path], None] = lambda folder: None
    call: Callable[[Path], object] | None = None


@dataclass(frozen=True)
class Outcome:
    """What a case led to.

    Attributes:
        name: "done", "message", "usage", or a fault: "traceback", "hang", "killed", "silent", "slow", "large".
        seconds: time of the processor, which does not depend on other programs.
        mebibytes: growth of the resident memory.
        text: what was printed.
    """

    name: str
    seconds: float
    mebibytes: float
    text: str

    @property
    def is_fault(self) -> bool:
        return self.name not in ("done", "message", "usage")


def warm_up() -> None:
    """Import once what every case needs, so that a fork has it."""
    import torch

    from facegen.cli.main import COMMANDS, main

    torch.set_num_threads(1)
    for module, _ in COMMANDS.values():
        __import__(module)
    with open(os.devnull, "w") as null:
        streams, sys.stdout, sys.stderr = (sys.stdout, sys.stderr), null, null
        try:
            main(["check", "speech_relid", "--preset", "small"])
        finally:
            sys.stdout, sys.stderr = streams


def run_case(case: Case, folder: Path) -> Outcome:
    """Prepare a case in a new folder, run it there in a forked process, and classify it."""
    folder.mkdir(parents=True)
    case.prepare(folder)
    words = [word.replace("{folder}", str(folder)).replace("{root}", str(folder.parent)) for word in case.words]
    output = folder.parent / f"{folder.name}.out"
    call = case.call

    def work() -> int:
        case.before(folder)
        return call_program(words) if call is None else call_interface(lambda: call(folder))

    status, seconds, mebibytes = _measure(lambda: call_forked(work, folder, output))
    text = output.read_text(errors="replace")
    return Outcome(_classify(case, status, seconds, mebibytes, text), seconds, mebibytes, text)


def check_measure(mebibytes: int = 300, seconds: float = 0.2) -> str:
    """Measure a process that uses known amounts of memory and time.

    Raises:
        RuntimeError: the measure is wrong by more than a tenth, so no outcome would mean anything.
    """

    def work() -> None:
        held = bytearray(b"x" * 2**20) * mebibytes  # written, so that it is resident
        while time.process_time() < seconds:
            held[-1] += 0
        os._exit(0)

    _, measured_seconds, measured = _measure(work)
    text = f"measure: {mebibytes} MiB and {seconds} s are measured as {measured:.0f} MiB and {measured_seconds:.2f} s"
    if abs(measured / mebibytes - 1) > 0.1 or not seconds * 0.9 < measured_seconds < seconds + 0.5:
        raise RuntimeError(text)
    return text


def _measure(work: Callable[[], None]) -> tuple[int, float, float]:
    """Run work in a forked process, which ends it; return its status, CPU time and growth of memory in MiB.

    The peak of a forked process begins at the anonymous memory of this one, as that of one that does nothing shows.
    """
    before = _wait(_forked(lambda: os._exit(0)))[1].ru_maxrss
    status, usage = _wait(_forked(work))
    return status, usage.ru_utime + usage.ru_stime, max(usage.ru_maxrss - before, 0) / 1024


def _forked(work: Callable[[], None]) -> int:
    """Start work in a forked process, which ends it; return the process."""
    sys.stdout.flush()
    process = os.fork()
    if process == 0:
        work()
    return process


def call_program(words: list[str]) -> int:
    """Run the program as in a process of its own; return its exit code."""
    from facegen.cli.background_faults import report_background_faults
    from facegen.cli.main import main

    report_background_faults()
    return main(words)


def call_interface(use: Callable[[], object]) -> int:
    """Use the Python interface, whose errors are those of facegen; return the exit code that the program would have."""
    from facegen.core.errors import FacegenError

    try:
        use()
    except FacegenError as error:
        print("Error:", error)
        return 1
    return 0


def call_forked(work: Callable[[], int], folder: Path, output: Path) -> None:
    """Do work in this forked process with its streams in a file, and end it with the exit code."""
    code = 99
    try:
        if os.getsid(0) != os.getpid():
            os.setsid()
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        null = os.open(os.devnull, os.O_RDONLY)
        for number, source in ((0, null), (1, descriptor), (2, descriptor)):
            os.dup2(source, number)
        sys.stdout = io.TextIOWrapper(open(1, "wb", closefd=False), "utf-8", line_buffering=True)  # noqa: SIM115
        sys.stderr = io.TextIOWrapper(open(2, "wb", closefd=False), "utf-8", line_buffering=True)  # noqa: SIM115
        os.chdir(folder)
        limit = _address_space_bytes() + MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        code = work()
        sys.stdout.flush()
    except BaseException:
        print("outside of main:", traceback.format_exc(), file=sys.stderr)
    finally:
        os._exit(code)


def _wait(process: int) -> tuple[int, resource.struct_rusage]:
    used, since = 0.0, time.monotonic()
    while True:
        finished, status, usage = os.wait4(process, os.WNOHANG)
        if finished:
            return status, usage
        seconds = _cpu_seconds(process)
        if seconds > used:
            used, since = seconds, time.monotonic()
        if used > CPU_SECONDS or time.monotonic() - since > IDLE_SECONDS:
            os.killpg(process, signal.SIGKILL)
            _, _, usage = os.wait4(process, 0)
            return -1, usage
        time.sleep(0.01)


def _cpu_seconds(process: int) -> float:
    """Return the time that a process, and those of its children that have ended, have used so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _classify(case: Case, status: int, seconds: float, mebibytes: float, text: str) -> str:
    if status == -1:
        return "hang"
    if any(sign in text for sign in TRACEBACKS):
        return "traceback"
    if os.WIFSIGNALED(status):
        return "killed"
    if case.seconds is not None and seconds > case.seconds:
        return "slow"
    if case.mebibytes is not None and mebibytes > case.mebibytes:
        return "large"
    code = os.WEXITSTATUS(status)
    if code == 1 and "Error:" not in text:
        return "silent"
    return {0: "done", 2: "usage"}.get(code, "message")


def _address_space_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
