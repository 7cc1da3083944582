"""Start-up: processor time of commands and of the import, each in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Sequence

from benchmarks.harness import MIN_ROUNDS, Measurement, Progress, Row

TITLE = "Start-up"
TEXT = "Processor time of a new process, from the start of Python to its end. None of these may import torch."
GOALS = {"`facegen --help`": 0.3, "`facegen list-plugins`": 0.5, "`import facegen`": 0.3}
FACEGEN = [sys.executable, "-c", "from facegen.cli.main import main; main()"]
COMMANDS: dict[str, list[str]] = {
    "`facegen --help`": [*FACEGEN, "--help"],
    "`facegen list-plugins`": [*FACEGEN, "list-plugins"],
    "`import facegen`": [sys.executable, "-c", "import facegen"],
    "`import torch`, to compare": [sys.executable, "-c", "import torch"],
}
TORCH = "`import torch`, to compare"
ROUNDS = 10


def measure(progress: Progress) -> list[Row]:
    """Start every command in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for number in range(1 + (MIN_ROUNDS if progress.quick else ROUNDS)):
        for name, command in COMMANDS.items():
            spent = processor_seconds(command)
            if number:  # the first round reads files from the disk
                seconds[name].append(spent)
    rows: list[Row] = []
    for name, command in COMMANDS.items():
        note = "" if name == TORCH else f"imports torch: {'yes' if imports_torch(command) else 'no'}"
        rows.append(Measurement(name, "s", seconds[name], GOALS.get(name), note=note))
    return rows


def processor_seconds(command: Sequence[str]) -> float:
    """Run a command; return the processor time of its process."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        errors = process.stderr.read().decode(errors="replace")
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {errors}")
    return usage.ru_utime + usage.ru_stime


def imports_torch(command: Sequence[str]) -> bool:
    """Return whether a Python command imports torch."""
    options = ["-X", "importtime"]
    done = subprocess.run([command[0], *options, *command[1:]], capture_output=True, text=True, check=True)
    return any(line.rpartition("|")[2].strip() == "torch" for line in done.stderr.splitlines())
