"""Train and evaluate the small preset of every recipe, and write down what came out.

    python benchmarks/reproduce.py --out runs/small --page docs/results/small.md

What is finished is not done again: call it again after whatever stopped it. A recipe that fails is named at the end,
and the others go on. Recipes that share a match stage or an earlier run train it once, since all runs lie side by side.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from results import write_page

from facegen.core.recipe import read_recipe
from facegen.training.run import Run

RECIPES = Path(__file__).parents[1] / "recipes"
PRESET = "small"
INTERRUPTED = 130


@dataclass(frozen=True)
class Job:
    """One recipe, and the splits that it is measured on."""

    recipe: Path
    run: Path
    splits: tuple[str, ...]

    @property
    def is_trained(self) -> bool:
        """Its last stage has come to its end."""
        if not (self.run / "run.json").exists():
            return False
        run = Run.open(self.run)
        if run.recipe.train is None:
            return run.match_folder.exists()
        newest = run.newest("train")
        return newest is not None and newest[1] == run.recipe.train.steps

    def missing_splits(self) -> tuple[str, ...]:
        """Splits without a report that is newer than what it reports of."""
        newest = max((path.stat().st_mtime for path in (self.run / "checkpoints").glob("*")), default=0.0)
        reports = {split: self.run / "evaluation" / f"{split}.json" for split in self.splits}
        return tuple(
            split for split, path in reports.items() if not path.exists() or path.stat().st_mtime < newest
        )  # fmt: skip


def plan(out: Path, only: Sequence[str]) -> list[Job]:
    """Every recipe, or those that are named; what they build on is trained when they need it."""
    jobs = []
    for path in sorted(RECIPES.glob("*.toml")):
        if only and path.stem not in only:
            continue
        recipe = read_recipe(path, preset=PRESET)
        splits: tuple[str, ...] = (recipe.evaluate.split,)
        if path.stem.startswith(("name_", "speech_lsgan", "speech_name", "mel_", "wav2pix")):
            splits = ("train", "heldout_utterances", "heldout_people")  # known people; the thesis asks for strangers
        if any("identity" in choice.part.load().needs for choice in recipe.choices["conditioner"]):  # type: ignore[attr-defined]
            splits = tuple(split for split in splits if split != "heldout_people")  # nobody there has a known name
        jobs.append(Job(path, out / path.stem, splits))
    return jobs


def facegen(*words: str) -> int:
    """Run the program, with its progress on this terminal."""
    return subprocess.run([sys.executable, "-m", "facegen", *words], check=False).returncode


def spend(clock: Path, recipe: str, what: str, seconds: float) -> None:
    """Add to what a recipe took, so that interrupted work counts as well."""
    spent = json.loads(clock.read_text()) if clock.exists() else {}
    own = spent.setdefault(recipe, {})
    own[what] = own.get(what, 0.0) + seconds
    clock.write_text(json.dumps(spent, indent=1))


def work(job: Job, clock: Path) -> str:
    """Do what is missing of a job; returns what failed."""
    started = time.monotonic()
    if not job.is_trained:
        code = facegen("train", str(job.recipe), "--preset", PRESET, "--out", str(job.run), "--resume")
        spend(clock, job.recipe.stem, "train", time.monotonic() - started)
        if code >= INTERRUPTED:
            raise KeyboardInterrupt
        if code:
            return f"{job.recipe.name}: training failed, as it says above"
    for split in job.missing_splits():
        started = time.monotonic()
        code = facegen("evaluate", str(job.run), "--split", split)
        spend(clock, job.recipe.stem, "evaluate", time.monotonic() - started)
        if code >= INTERRUPTED:
            raise KeyboardInterrupt
        if code:
            return f"{job.recipe.name}: evaluation on {split} failed, as it says above"
    return ""


def main() -> int:
    """Returns 0 if every recipe was trained and measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/small"), help="folder of the runs")
    parser.add_argument("--page", type=Path, help="Markdown page to write, with pictures beside it")
    parser.add_argument("--only", nargs="*", default=(), metavar="RECIPE", help="names of recipes; all by default")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    clock = arguments.out / "seconds.json"
    jobs = plan(arguments.out, arguments.only)
    failures, started = [], time.monotonic()
    open_jobs = [job for job in jobs if not job.is_trained or job.missing_splits()]
    print(f"{len(jobs)} recipes, {len(open_jobs)} of them to do", flush=True)
    for number, job in enumerate(open_jobs, 1):
        gone = time.monotonic() - started
        left = f", about {gone / (number - 1) * (len(open_jobs) - number + 1) / 60:.0f} min to go" if number > 1 else ""
        print(f"\n== {number} of {len(open_jobs)}: {job.recipe.stem} ({gone / 60:.0f} min gone{left})", flush=True)
        try:
            failure = work(job, clock)
        except KeyboardInterrupt:
            print("Interrupted; the same command goes on.")
            return INTERRUPTED
        if failure:
            failures.append(failure)
    if arguments.page is not None:
        seconds = json.loads(clock.read_text()) if clock.exists() else {}
        write_page(arguments.page, arguments.out, [job.recipe.stem for job in jobs], seconds)
        print(f"\n{arguments.page.read_text()}\nPage: {arguments.page}")
    for failure in failures:
        print(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
