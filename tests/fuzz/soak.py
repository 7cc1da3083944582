"""`python tests/fuzz/soak.py`: many steps and faces without growth of memory or open files, and kills without loss.

Prints a table; exit code 1 if something grew or was lost.
"""

import argparse
import gc
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("FACEGEN_INCEPTION_WEIGHTS", "none")

from cheap_parts import register_cheap_parts
from file_cases import write_media
from hostile_case import warm_up
from kills import kill_commands
from output_cases import make_run
from results import store

ALLOWED_GROWTH_MIB = 64.0
"""Growth of memory between the first quarter and the end of the work that counts as none."""
CHEAP = Path(__file__).with_name("cheap_parts.toml")
NUM_RUNS, NUM_SAVED = 4, 25
"""Runs of the work, and checkpoints, samples and checks by the monitor in each of them."""
MEASURED_STEPS = 3000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1_000_000, help="number of training steps")
    parser.add_argument("--minutes", type=float, default=60.0, help="longest time of the steps; fewer are then run")
    parser.add_argument("--faces", type=int, default=10_000, help="number of generated faces")
    parser.add_argument("--kills", type=int, default=200, help="number of kills, over all commands in turn")
    parser.add_argument("--seed", type=int, default=0, help="random seed of the moments of the kills")
    parser.add_argument("--write", action="store_true", help="add the results to docs/robustness.md")
    options = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="facegen-soak-"))
    os.environ["XDG_CACHE_HOME"] = str(root / "cache")
    print(f"seed {options.seed}, folder {root}", flush=True)
    warm_up()
    make_run(root)
    register_cheap_parts()
    keep = store if options.write else _keep_nothing
    good = [  # kills first: the threads of a long training do not survive a fork
        not options.kills or kill_commands(root, options.kills, random.Random(options.seed), keep),
        _steady("steps", _possible_steps(root, options.steps, options.minutes), lambda share: _train(root, share), keep),
        _steady("faces", options.faces, lambda share: _generate(root, share), keep),
    ]
    return int(not all(good))


def _keep_nothing(name: str, key: str, values: object) -> None:
    """Take results that are not written."""


def _steady(name: str, total: int, work: Callable[[int], None], keep: Callable[[str, str, object], None]) -> bool:
    """Do the work in quarters, if there is any, and compare memory and open files after the first and the last."""
    if not total:
        return True
    measured = []
    started = time.monotonic()
    for _ in range(NUM_RUNS):
        work(max(total // NUM_RUNS, 1))
        gc.collect()
        measured.append((_resident_mib(), len(os.listdir("/proc/self/fd"))))
    seconds = time.monotonic() - started
    (first_mib, first_files), (last_mib, last_files) = measured[0], measured[-1]
    keep("soak", name, {"number": total, "seconds": round(seconds), "first_mib": round(first_mib),
                        "last_mib": round(last_mib), "first_files": first_files, "last_files": last_files})  # fmt: skip
    growth, files = measured[-1][0] - measured[0][0], measured[-1][1] - measured[0][1]
    print(
        f"{name}: {total:,} in {seconds:.0f} s, "
        f"memory {measured[0][0]:.0f} -> {measured[-1][0]:.0f} MiB, open files {measured[0][1]} -> {measured[-1][1]}",
        flush=True,
    )
    return growth < ALLOWED_GROWTH_MIB and files <= 0


def _possible_steps(root: Path, steps: int, minutes: float) -> int:
    """Return how many of the steps fit into the time, by the time of the first ones."""
    if not steps:
        return 0
    _train(root, 1, 1)
    started = time.monotonic()
    _train(root, MEASURED_STEPS, 1)
    milliseconds = 1000 * (time.monotonic() - started) / MEASURED_STEPS
    possible = min(steps, int(60_000 * minutes / milliseconds))
    print(f"steps: {milliseconds:.1f} ms each; {possible:,} of {steps:,} fit into {minutes:g} minutes", flush=True)
    return possible


def _train(root: Path, steps: int, num_saved: int = NUM_SAVED) -> None:
    """Train a new run of the cheap networks."""
    from facegen.cli.main import main as facegen

    number = len(list(root.glob("steps-*")))
    settings = [f"train.steps={steps}"]
    settings += [f"train.{name}_steps={max(steps // num_saved, 1)}" for name in ("checkpoint", "sample", "monitor")]
    _expect_success(facegen(["train", str(CHEAP), *_set(settings), "--out", str(root / f"steps-{number}")]))


def _generate(root: Path, faces: int) -> None:
    from facegen.cli.main import main as facegen

    write_media(root)
    for first in range(0, faces, 500):
        count = min(500, faces - first)
        words = [
            "--speech",
            str(root / "sound.wav"),
            "--count",
            str(count),
            "--seed",
            str(first),
            "--out",
            str(root / "faces"),
        ]
        _expect_success(facegen(["generate", str(root / "run"), *words]))


def _set(settings: list[str] | tuple[str, ...]) -> list[str]:
    return [word for value in settings for word in ("--set", value)]


def _expect_success(code: int, name: str = "a command") -> None:
    if code:
        raise RuntimeError(f"{name} ended with exit code {code}")


def _resident_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


if __name__ == "__main__":
    sys.exit(main())
