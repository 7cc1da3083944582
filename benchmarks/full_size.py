"""A recipe at full size for some minutes: rows per second, memory and a sample grid.

    python benchmarks/full_size.py --minutes 10 [--preset small] [--device cpu]

Each stage is first timed over a few steps; then both are trained in one run for as many steps as fit.
"""

import argparse
import resource
import shutil
import tempfile
import time
from pathlib import Path

import torch

from facegen.core.interruption import Interruption
from facegen.core.progress import Observer
from facegen.core.recipe.recipe import Recipe, read_recipe
from facegen.training.runs.run import Run
from facegen.training.train import train

RECIPE = Path(__file__).parents[1] / "recipes" / "speech_relid.toml"
WARM_UP_STEPS, TIMED_STEPS = 10, 30
MATCH_SHARE = 0.5


class Stopwatch(Observer):
    """Observer that records time and step of each stage."""

    def __init__(self) -> None:
        self.stage = ""
        self.marks: dict[str, list[tuple[float, int]]] = {}

    def start(self, stage: str, total: int, done: int = 0) -> None:
        self.stage = stage

    def advance(self, done: int, values: object = None) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.marks.setdefault(self.stage, []).append((time.perf_counter(), done))

    def steps_per_second(self, stage: str) -> float:
        """Return the mean rate without the first log interval, which compiles and warms up."""
        (start, first), (end, last) = self.marks[stage][0], self.marks[stage][-1]
        return (last - first) / max(end - start, 1e-9)


def settings(match_steps: int, train_steps: int, log_steps: int) -> list[str]:
    """Return overrides that set the length of both stages, with samples and checkpoints at the end only."""
    lengths = {"match.steps": match_steps, "train.steps": train_steps, "match.log_steps": log_steps,
               "train.log_steps": log_steps, "match.checkpoint_steps": match_steps,
               "train.checkpoint_steps": train_steps, "train.sample_steps": train_steps,
               "train.monitor_steps": train_steps}  # fmt: skip
    return [f"{key}={value}" for key, value in lengths.items()]


def run_once(preset: str | None, overrides: list[str], out: Path) -> tuple[Recipe, Run, Stopwatch]:
    """Train one run; return its recipe, the run and the recorded times."""
    recipe = read_recipe(RECIPE, preset=preset, overrides=overrides)
    watch = Stopwatch()
    run = train(recipe, out, resume=False, observer=watch, interruption=Interruption())
    return recipe, run, watch


def main() -> None:
    """Time both stages, train for the given minutes and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="training time of both stages")
    parser.add_argument("--preset", default=None, help="preset of the recipe; full size without")
    parser.add_argument("--device", default="auto", help="torch device")
    parser.add_argument("--out", type=Path, default=Path("runs/full_size"), help="folder of the run, which is replaced")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="TABLE.KEY=VALUE")
    arguments = parser.parse_args()
    chosen = [*arguments.overrides, f"run.device={arguments.device}"]
    with tempfile.TemporaryDirectory() as folder:
        lengths = settings(WARM_UP_STEPS + TIMED_STEPS, WARM_UP_STEPS + TIMED_STEPS, WARM_UP_STEPS)
        _, _, watch = run_once(arguments.preset, chosen + lengths, Path(folder) / "timing")
    seconds = 60 * arguments.minutes
    match_steps = max(2, int(seconds * MATCH_SHARE * watch.steps_per_second("match")))
    train_steps = max(2, int(seconds * (1 - MATCH_SHARE) * watch.steps_per_second("train")))
    shutil.rmtree(arguments.out, ignore_errors=True)
    lengths = settings(match_steps, train_steps, max(1, min(match_steps, train_steps) // 20))
    recipe, run, watch = run_once(arguments.preset, chosen + lengths, arguments.out)
    report(recipe, run, watch)


def report(recipe: Recipe, run: Run, watch: Stopwatch) -> None:
    """Print rates, memory, matching accuracy and the path of the last sample grid."""
    matcher = recipe.config("matcher").engine
    sizes = {"match": matcher.batch_size, "train": recipe.train.batch_size if recipe.train else 0}
    print("| stage | steps | rows per second |\n|---|---|---|")
    for stage, size in sizes.items():
        print(f"| {stage} | {watch.marks[stage][-1][1]} | {size * watch.steps_per_second(stage):.1f} |")
    if torch.cuda.is_available():
        print(f"{torch.cuda.get_device_name()}: peak {torch.cuda.max_memory_allocated() / 2**30:.2f} GiB")
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"CPU, {torch.get_num_threads()} threads: peak {peak:.2f} GiB resident")
    last = [entry for entry in run.read_log() if entry["stage"] == "match"][-1]
    print(f"match accuracy on training batches: {last['accuracy_v2f']:.3f} (V-F), {last['accuracy_f2v']:.3f} (F-V)")
    print(f"grid: {max((run.path / 'samples').glob('*.png'))}")


if __name__ == "__main__":
    main()
