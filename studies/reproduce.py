"""Train and evaluate the small preset of every recipe, and write down what came out.

    python -m studies reproduce --out runs/small --page docs/results/small.md

What is finished is not done again: call it again after whatever stopped it. A recipe that fails is named at the end,
and the others go on. Recipes that share a match stage or an earlier run train it once, since all runs lie side by side.
A run of a recipe that has changed since, or that begins with such a run, is moved aside and trained anew.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from facegen.core.errors import CheckpointError
from facegen.core.evidence import key_part
from facegen.core.recipe.file import differences
from facegen.core.recipe.part_config import Recipe
from facegen.core.recipe.recipe import read_recipe
from facegen.core.recipe.tables import EARLIER_RUNS
from facegen.evaluation.evaluate import needs_of
from facegen.evaluation.figures import by_key
from facegen.evaluation.report import Report
from facegen.training.runs.earlier_runs import with_run_folders
from facegen.training.runs.run import Run
from studies.facegen_command import INTERRUPTED, RECIPES, run_facegen
from studies.results_page import write_page

PRESET = "small"
BASELINES = {"speech_relid": ("speech_relativistic",)}
"""Choi, Park and Lee 2020 let a judge choose between the faces of the one and of the other."""


@dataclass(frozen=True)
class Job:
    """One recipe, and how it is measured.

    Attributes:
        path: its file.
        recipe: as that says today, with the folders of the runs that it begins with.
        run: its folder.
        splits: it is measured on.
        baselines: others, whose faces are set against its own.
    """

    path: Path
    recipe: Recipe
    run: Path
    splits: tuple[str, ...]
    baselines: tuple["Job", ...] = ()

    @property
    def is_trained(self) -> bool:
        """Its last stage has come to its end."""
        return (self.run / "run.json").exists() and Run.open(self.run).is_finished

    @property
    def trained_baselines(self) -> list["Job"]:
        """Those whose faces there are."""
        return [baseline for baseline in self.baselines if baseline.is_trained]

    @property
    def begins_with(self) -> list[str]:
        """Names of the earlier runs."""
        return [recipe.run.name for _, recipe in self.recipe.before()]

    def missing_splits(self) -> tuple[str, ...]:
        """Splits without a report that is newer than what it reports of, and knows the baselines."""
        newest = max(map(_trained_at, [self, *self.trained_baselines]))
        return tuple(split for split in self.splits if not self._is_measured(split, newest))

    def _is_measured(self, split: str, since: float) -> bool:
        path = self.run / "evaluation" / f"{split}.json"
        if not path.exists() or path.stat().st_mtime < since:
            return False
        keys = set(by_key(Report.read(path)))
        return all(f"preference.over.{key_part(baseline.run.name)}" in keys for baseline in self.trained_baselines)

    def changes(self) -> str:
        """In what the recipe of the run differs from today's; "" where it does not."""
        if not (self.run / "run.json").exists():
            return ""
        try:
            trained = Run.open(self.run).recipe
        except CheckpointError as error:
            return str(error)
        return ", ".join(differences(_wherever(trained), _wherever(self.recipe)))


def _trained_at(job: Job) -> float:
    return max((path.stat().st_mtime for path in (job.run / "checkpoints").glob("*")), default=0.0)


def _wherever(recipe: Recipe) -> dict[str, Any]:
    """What a recipe says, with earlier runs by name: folders that were moved together are the same."""
    values = recipe.values
    for table, key in EARLIER_RUNS:
        if values.get(table, {}).get(key):
            values[table] = {**values[table], key: Path(values[table][key]).name}
    return values


def plan(out: Path) -> list[Job]:
    """Every recipe, in alphabetical order."""
    jobs: dict[str, Job] = {}
    for path in sorted(RECIPES.glob("*.toml")):
        recipe = with_run_folders(read_recipe(path, preset=PRESET), out / path.stem)
        splits: tuple[str, ...] = (recipe.evaluate.split,)
        if path.stem.startswith(("name_", "speech_lsgan", "speech_name", "mel_", "wav2pix")):
            splits = ("train", "heldout_utterances", "heldout_people")  # known people; the thesis asks for strangers
        if "identity" in needs_of(recipe):
            splits = tuple(split for split in splits if split != "heldout_people")  # nobody there has a known name
        baselines = tuple(jobs[name] for name in BASELINES.get(path.stem, ()))
        jobs[path.stem] = Job(path, recipe, out / path.stem, splits, baselines)
    return list(jobs.values())


def set_aside(jobs: Sequence[Job], clock: Path) -> None:
    """Move away the runs of recipes that have changed, and of those that begin with them; says so."""
    reasons = {job.run.name: changes for job in jobs if (changes := job.changes())}
    while True:
        more = {
            job.run.name: f"{name}, which it begins with"
            for job in jobs
            for name in job.begins_with
            if name in reasons and job.run.name not in reasons and job.run.exists()
        }
        if not more:
            break
        reasons |= more
    spent = json.loads(clock.read_text()) if clock.exists() else {}
    for job in jobs:
        name = job.run.name
        if name not in reasons:
            continue
        number = next(number for number in count(1) if not (job.run.parent / f"{name}.old{number}").exists())
        kept = job.run.rename(job.run.parent / f"{name}.old{number}")
        spent.pop(name, None)
        print(f"{name}: the recipe has changed since, in {reasons[name]}; trained anew, the old run is kept as {kept}")
    if reasons and clock.exists():
        clock.write_text(json.dumps(spent, indent=1))


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
        code = run_facegen("train", str(job.path), "--preset", PRESET, "--out", str(job.run), "--resume")
        spend(clock, job.path.stem, "train", time.monotonic() - started)
        if code >= INTERRUPTED:
            raise KeyboardInterrupt
        if code:
            return f"{job.path.name}: training failed, as it says above"
    for split in job.missing_splits():
        started = time.monotonic()
        baselines = [word for baseline in job.trained_baselines for word in ("--against", str(baseline.run))]
        code = run_facegen("evaluate", str(job.run), "--split", split, *baselines)
        spend(clock, job.path.stem, "evaluate", time.monotonic() - started)
        if code >= INTERRUPTED:
            raise KeyboardInterrupt
        if code:
            return f"{job.path.name}: evaluation on {split} failed, as it says above"
    return ""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--out", type=Path, default=Path("runs/small"), help="folder of the runs")
    parser.add_argument("--page", type=Path, help="Markdown page to write, with pictures beside it")
    parser.add_argument("--only", nargs="*", default=(), metavar="RECIPE", help="names of recipes; all by default")


def run(arguments: argparse.Namespace) -> int:
    """Train and evaluate; return 0 when every recipe was trained and measured."""
    arguments.out.mkdir(parents=True, exist_ok=True)
    clock = arguments.out / "seconds.json"
    jobs = plan(arguments.out)
    if arguments.only:
        wanted = [job for job in jobs if job.path.stem in arguments.only]
        before = {name for job in wanted for name in job.begins_with}
        set_aside([job for job in jobs if job in wanted or job.path.stem in before], clock)
        jobs = wanted
    else:
        set_aside(jobs, clock)
    failures, started = [], time.monotonic()
    open_jobs = [job for job in jobs if not job.is_trained or job.missing_splits()]
    print(f"{len(jobs)} recipes, {len(open_jobs)} of them to do", flush=True)
    for number, job in enumerate(open_jobs, 1):
        gone = time.monotonic() - started
        left = f", about {gone / (number - 1) * (len(open_jobs) - number + 1) / 60:.0f} min to go" if number > 1 else ""
        print(f"\n== {number} of {len(open_jobs)}: {job.path.stem} ({gone / 60:.0f} min gone{left})", flush=True)
        try:
            failure = work(job, clock)
        except KeyboardInterrupt:
            print("Interrupted; the same command goes on.")
            return INTERRUPTED
        if failure:
            failures.append(failure)
    if arguments.page is not None:
        seconds = json.loads(clock.read_text()) if clock.exists() else {}
        write_page(arguments.page, arguments.out, [job.path.stem for job in jobs], seconds)
        print(f"\n{arguments.page.read_text()}\nPage: {arguments.page}")
    for failure in failures:
        print(failure)
    return 1 if failures else 0
