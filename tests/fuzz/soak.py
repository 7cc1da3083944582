"""`python tests/fuzz/soak.py`: many steps and faces without growth of memory or open files, and kills without loss.

Prints a table; exit code 1 if something grew or was lost.
"""

import argparse
import gc
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("FACEGEN_INCEPTION_WEIGHTS", "none")

from file_cases import good_rows, table_text, write_media
from output_cases import TINY, make_run

ALLOWED_GROWTH_MIB = 64.0
"""Growth of memory between the first quarter and the end of the work that counts as none."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1_000_000, help="number of training steps")
    parser.add_argument("--faces", type=int, default=10_000, help="number of generated faces")
    parser.add_argument("--kills", type=int, default=200, help="number of kills, over all commands in turn")
    parser.add_argument("--seed", type=int, default=0, help="random seed of the moments of the kills")
    options = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="facegen-soak-"))
    os.environ["XDG_CACHE_HOME"] = str(root / "cache")
    print(f"seed {options.seed}, folder {root}", flush=True)
    make_run(root)
    good = [
        _steady("steps", options.steps, lambda share: _train(root, share), lambda: None),
        _steady("faces", options.faces, lambda share: _generate(root, share), gc.collect),
        _kill(root, options.kills, random.Random(options.seed)),
    ]
    return int(not all(good))


def _steady(name: str, total: int, work: Callable[[int], None], settle: Callable[[], object]) -> bool:
    """Do the work in quarters, and compare memory and open files after the first and the last."""
    measured = []
    started = time.monotonic()
    for _ in range(4):
        work(total // 4)
        settle()
        measured.append((_resident_mib(), len(os.listdir("/proc/self/fd"))))
    growth, files = measured[-1][0] - measured[0][0], measured[-1][1] - measured[0][1]
    print(
        f"{name}: {total:,} in {time.monotonic() - started:.0f} s, "
        f"memory {measured[0][0]:.0f} -> {measured[-1][0]:.0f} MiB, open files {measured[0][1]} -> {measured[-1][1]}",
        flush=True,
    )
    return growth < ALLOWED_GROWTH_MIB and files <= 0


def _train(root: Path, steps: int) -> None:
    from facegen.cli.main import main as facegen

    number = len(list(root.glob("steps-*")))
    settings = [
        *TINY,
        f"train.steps={steps}",
        f"train.checkpoint_steps={max(steps // 4, 1)}",
        "train.log_steps=1000",
        f"train.sample_steps={steps}",
        f"train.monitor_steps={steps}",
    ]
    _expect_success(
        facegen(["train", "speech_relid", "--preset", "small", *_set(settings), "--out", str(root / f"steps-{number}")])
    )


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


def _kill(root: Path, num_kills: int, draw: random.Random) -> bool:
    """Kill each command at random moments, then let it finish; what was there before must stay readable."""
    write_media(root)
    (root / "t.csv").write_text(table_text(good_rows(30), ["identity", "face", "speech"]))
    run, corpus = str(root / "run"), str(root / "corpus")
    steps = ["train.steps=40", "train.checkpoint_steps=2", "train.log_steps=1", "match.checkpoint_steps=1"]
    calls = {
        "train": [
            "train",
            "speech_relid",
            "--preset",
            "small",
            *_set([*TINY, *steps]),
            "--resume",
            "--out",
            str(root / "killed"),
        ],
        "pack": ["pack", str(root / "t.csv"), "--out", corpus, "--image-pixels", "16", "--overwrite"],
        "export": ["export", run, str(root / "model.safetensors")],
        "evaluate": ["evaluate", run, "--split", "heldout_people"],
        "collect": ["collect", str(root / "sources.csv"), "--out", str(root / "collection")],
    }
    _write_videos(root)
    lost = dict.fromkeys(calls, 0)
    counts = dict.fromkeys(calls, 0)
    longest: dict[str, float] = {}
    for name, call in calls.items():
        started = time.monotonic()
        _expect_success(_run(call).wait(), name)
        longest[name] = time.monotonic() - started
    for number in range(num_kills):
        name = list(calls)[number % len(calls)]
        process = _run(calls[name])
        time.sleep(draw.uniform(0, longest[name] * 0.9))
        os.killpg(process.pid, signal.SIGKILL)  # workers of a collection, too
        process.wait()
        counts[name] += 1
        lost[name] += _is_lost(name, root, calls)
    for name, call in calls.items():
        lost[name] += _run(call).wait() != 0
        print(f"kills: {name}: {counts[name]} kills, {lost[name]} losses", flush=True)
    return not any(lost.values())


def _is_lost(name: str, root: Path, calls: dict[str, list[str]]) -> bool:
    """Return whether what was complete before a kill can no longer be read."""
    checks = {
        "train": ["generate", str(root / "killed"), "--speech", str(root / "sound.wav"), "--out", str(root / "faces")],
        "pack": ["inspect", str(root / "corpus"), "--verify"],
        "export": [
            "generate",
            str(root / "model.safetensors"),
            "--speech",
            str(root / "sound.wav"),
            "--out",
            str(root / "faces"),
        ],
        "evaluate": ["compare", str(root / "run"), str(root / "run")],
        "collect": ["collect", str(root / "sources.csv"), "--status", "--out", str(root / "collection")],
    }
    return _run(checks[name]).wait() != 0


def _write_videos(root: Path) -> None:
    """Write two videos with a face, and the list of sources that names them."""
    sys.path.append(str(Path(__file__).parents[1] / "integration"))
    from speaking_videos import write_speaker

    lines = ["name,videos"] + [f"person {n},{write_speaker(root / f'{n}.mp4', n)}" for n in range(2)]
    (root / "sources.csv").write_text("\n".join(lines) + "\n")


def _run(words: list[str]) -> "subprocess.Popen[bytes]":
    call = [sys.executable, "-m", "facegen", *words]
    return subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def _set(settings: list[str] | tuple[str, ...]) -> list[str]:
    return [word for value in settings for word in ("--set", value)]


def _expect_success(code: int, name: str = "a command") -> None:
    if code:
        raise RuntimeError(f"{name} ended with exit code {code}")


def _resident_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


if __name__ == "__main__":
    sys.exit(main())
