"""Train and evaluate a preset of every recipe, and write the page of results.

    python -m studies reproduce --out runs/small --page docs/results/small.md
    python -m studies reproduce --preset medium --only speech_relid_separate --page docs/results/medium.md

Finished work is not repeated: call an interrupted study again to continue it. A recipe that fails is named at the end,
and the others go on. Recipes that share a match stage or an earlier run train it once, as all runs are in one folder.
A run whose recipe has changed since its training, or that begins with such a run, is moved aside and trained anew.
"""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from facegen.core.errors import CheckpointError
from facegen.core.recipe.file import differences
from facegen.core.recipe.part_config import Recipe
from facegen.core.recipe.recipe import read_recipe
from facegen.core.recipe.tables import EARLIER_RUNS
from facegen.core.text.json_text import json_text
from facegen.evaluation.evaluation_corpus import needs_of
from facegen.evaluation.report import Report
from facegen.evaluation.weights import weights_hash
from facegen.training.runs.earlier_runs import with_run_folders
from facegen.training.runs.run import Run
from studies.facegen_command import INTERRUPTED, RECIPES, run_facegen
from studies.results_page import write_page

PRESETS = ("small", "medium")
BASELINES = {"speech_relid": ("speech_relativistic",)}
"""{recipe: recipes whose faces a judge compares with its own} (Choi, Park and Lee 2020)."""


@dataclass(frozen=True)
class Job:
    """One recipe, its run and its evaluations.

    Attributes:
        path: file of the recipe.
        preset: of the recipe.
        recipe: the recipe as the file is today, with the folders of the runs that it begins with.
        run: folder of the run.
        splits: splits to evaluate on.
        baselines: jobs whose faces the judge compares with those of this one.
    """

    path: Path
    preset: str
    recipe: Recipe
    run: Path
    splits: tuple[str, ...]
    baselines: tuple["Job", ...] = ()

    @property
    def is_trained(self) -> bool:
        """True if the last stage of the run is finished."""
        return (self.run / "run.json").exists() and Run.open(self.run).is_finished

    @property
    def trained_baselines(self) -> list["Job"]:
        """The baselines whose runs are finished."""
        return [baseline for baseline in self.baselines if baseline.is_trained]

    @property
    def begins_with(self) -> list[str]:
        """Names of the earlier runs."""
        return [recipe.run.name for _, recipe in self.recipe.earlier_recipes()]

    @property
    def weights(self) -> str:
        """Hash of the weights that an evaluation reads."""
        return weights_hash(Run.open(self.run))

    def missing_splits(self) -> tuple[str, ...]:
        """Splits without a report of the weights that the run and its baselines have now."""
        weights = self.weights
        baselines = {baseline.run.name: baseline.weights for baseline in self.trained_baselines}
        return tuple(split for split in self.splits if not self._is_measured(split, weights, baselines))

    def _is_measured(self, split: str, weights: str, baselines: Mapping[str, str]) -> bool:
        try:
            report = Report.read(self.run / "evaluation" / f"{split}.json")
        except CheckpointError:
            return False  # there is none, or one that cannot be read
        compared = {name: report.baselines.get(name) for name in baselines}
        return report.weights_hash == weights and compared == baselines

    def changes(self) -> str:
        """Return the keys in which the recipe of the run differs from today's file; "" if in none."""
        if not (self.run / "run.json").exists():
            return ""
        try:
            trained = Run.open(self.run).recipe
        except CheckpointError as error:
            return str(error)
        return ", ".join(differences(_without_folders(trained), _without_folders(self.recipe)))


def _without_folders(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe's values with earlier runs by name alone, so that runs moved together stay equal."""
    values = recipe.values
    for table, key in EARLIER_RUNS:
        if values.get(table, {}).get(key):
            values[table] = {**values[table], key: Path(values[table][key]).name}
    return values


def plan(out: Path, preset: str) -> list[Job]:
    """Return a job for every recipe that has the preset, in alphabetical order."""
    jobs: dict[str, Job] = {}
    for path in sorted(RECIPES.glob("*.toml")):
        recipe = with_run_folders(read_recipe(path, preset=preset), out / path.stem)
        splits: tuple[str, ...] = (recipe.evaluate.split,)
        if path.stem.startswith(("name_", "speech_lsgan", "speech_name", "mel_", "wav2pix")):
            splits = ("train", "heldout_utterances", "heldout_people")  # people known and unknown, as in the thesis
        if "identity" in needs_of(recipe):
            splits = tuple(split for split in splits if split != "heldout_people")  # nobody there has a known name
        baselines = tuple(jobs[name] for name in BASELINES.get(path.stem, ()))
        jobs[path.stem] = Job(path, preset, recipe, out / path.stem, splits, baselines)
    return list(jobs.values())


def set_aside(jobs: Sequence[Job], clock: Path) -> None:
    """Move aside the runs whose recipes have changed and the runs that begin with them; print their names."""
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
        clock.write_text(json_text(spent, indent=1))


def spend(clock: Path, recipe: str, what: str, seconds: float) -> None:
    """Add to the seconds that a recipe took, so that interrupted work counts as well."""
    spent = json.loads(clock.read_text()) if clock.exists() else {}
    own = spent.setdefault(recipe, {})
    own[what] = own.get(what, 0.0) + seconds
    clock.write_text(json_text(spent, indent=1))


def work(job: Job, clock: Path) -> str:
    """Train and evaluate what a job lacks; return the failure as a message, "" if there is none."""
    started = time.monotonic()
    if not job.is_trained:
        code = run_facegen("train", str(job.path), "--preset", job.preset, "--out", str(job.run), "--resume")
        spend(clock, job.path.stem, "train", time.monotonic() - started)
        if code >= INTERRUPTED:
            raise KeyboardInterrupt
        if code:
            return f"{job.path.name}: training failed; see the error above"
    for split in job.missing_splits():
        started = time.monotonic()
        baselines = [word for baseline in job.trained_baselines for word in ("--against", str(baseline.run))]
        code = run_facegen("evaluate", str(job.run), "--split", split, *baselines)
        spend(clock, job.path.stem, "evaluate", time.monotonic() - started)
        if code >= INTERRUPTED:
            raise KeyboardInterrupt
        if code:
            return f"{job.path.name}: evaluation on {split} failed; see the error above"
    return ""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--preset", choices=PRESETS, default=PRESETS[0], help="preset of the recipes")
    parser.add_argument("--out", type=Path, help="folder of the runs; runs/PRESET by default")
    parser.add_argument("--page", type=Path, help="Markdown page to write, with pictures beside it")
    parser.add_argument("--only", nargs="*", default=(), metavar="RECIPE", help="names of recipes; all by default")


def run(arguments: argparse.Namespace) -> int:
    """Train and evaluate; return 0 if every recipe was trained and evaluated."""
    out = arguments.out or Path("runs") / arguments.preset
    out.mkdir(parents=True, exist_ok=True)
    clock = out / "seconds.json"
    jobs = plan(out, arguments.preset)
    if arguments.only:
        wanted = [job for job in jobs if job.path.stem in arguments.only]
        before = {name for job in wanted for name in job.begins_with}
        set_aside([job for job in jobs if job in wanted or job.path.stem in before], clock)
        jobs = wanted
    else:
        set_aside(jobs, clock)
    failures, started = [], time.monotonic()
    open_jobs = [job for job in jobs if not job.is_trained or job.missing_splits()]
    print(f"{len(jobs)} recipes, {len(open_jobs)} of them unfinished", flush=True)
    for number, job in enumerate(open_jobs, 1):
        elapsed = time.monotonic() - started
        left = (
            f", about {elapsed / (number - 1) * (len(open_jobs) - number + 1) / 60:.0f} min left" if number > 1 else ""
        )
        print(f"\n== {number} of {len(open_jobs)}: {job.path.stem} ({elapsed / 60:.0f} min elapsed{left})", flush=True)
        try:
            failure = work(job, clock)
        except KeyboardInterrupt:
            print("Interrupted; run the same command again to continue.")
            return INTERRUPTED
        if failure:
            failures.append(failure)
    if arguments.page is not None:
        seconds = json.loads(clock.read_text()) if clock.exists() else {}
        write_page(arguments.page, out, arguments.preset, [job.path.stem for job in jobs], seconds)
        print(f"\n{arguments.page.read_text()}\nPage: {arguments.page}")
    for failure in failures:
        print(failure)
    return 1 if failures else 0
