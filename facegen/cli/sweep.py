"""`facegen sweep`: train every combination of seeds and of values of keys."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from facegen.cli.console import console, watching
from facegen.cli.options import ManyValues, recipe_options
from facegen.cli.streams import report_problems
from facegen.core.errors import CheckpointError, RecipeError
from facegen.core.recipe.recipe import read_recipe

if TYPE_CHECKING:
    from facegen.core.recipe.part_config import Recipe
    from facegen.training.sweep_jobs import Job, Result
    from facegen.training.sweep_plan import PlannedRun

SIGNAL_EXIT = 128


@click.command("sweep", cls=ManyValues)
@recipe_options
@click.option("--seeds", type=click.IntRange(min=0), multiple=True, metavar="N...", help="Values of run.seed.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the run folders.  [default: runs/<name>-sweep]",
)  # fmt: skip
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Number of runs at a time.")
@click.option("--evaluate", is_flag=True, help="Evaluate every run, and compare them, with means over seeds.")
@click.option("--dry-run", is_flag=True, help="Check and list the runs, and start none.")
def command(
    recipe: Path,
    preset: str | None,
    overrides: tuple[str, ...],
    data: Path | None,
    seeds: tuple[int, ...],
    out: Path | None,
    jobs: int,
    evaluate: bool,
    dry_run: bool,
) -> int:
    """Train RECIPE once per combination of seeds and of values: --seeds 0 1 2 --set objective.type=relid,relativistic.

    Here, --set takes several values per key, separated by commas. Each run has a folder, named by what differs. The
    same command resumes what was interrupted or failed, and a run that fails does not stop the others.
    """
    from facegen.core.interruption import Interruption
    from facegen.training.sweep_jobs import JobRunner
    from facegen.training.sweep_plan import plan_runs

    planned = plan_runs(recipe.stem, overrides, seeds)
    recipes = _check(recipe, preset, data, planned)
    home = Path("runs") / f"{recipes[0].run.name}-sweep" if out is None else out
    folders = [_folder(home, run, checked) for run, checked in zip(planned, recipes, strict=True)]
    if dry_run:
        _print_plan(planned, folders)
        return 0
    arguments = [*(["--preset", preset] if preset else []), *(["--data", str(data)] if data else [])]
    tasks = [
        _job(run, folder, [str(recipe), *arguments], home, evaluate)
        for run, folder in zip(planned, folders, strict=True)
    ]
    console.print(f"{len(tasks)} runs in {home!s}; their output: {home / 'logs'!s}")
    interruption = Interruption()
    with interruption.listening():
        results = JobRunner(jobs, interruption).run(tasks, _report)
    console.print(_table(results, folders))
    finished = [folder for result, folder in zip(results, folders, strict=True) if result.state == "finished"]
    if interruption.signal_number:
        console.print("Stopped; the same command resumes it.")
        return SIGNAL_EXIT + interruption.signal_number
    if evaluate and finished:
        _compare(finished)
    failed = [result.name for result in results if result.state != "finished"]
    if failed:
        return report_problems([f"{', '.join(failed)}: failed; see {home / 'logs'}; the same command tries again"])
    return 0


def _check(recipe: Path, preset: str | None, data: Path | None, planned: "Sequence[PlannedRun]") -> "list[Recipe]":
    """Read the recipe of every run; report the problems of all of them at once."""
    recipes, problems = [], []
    for run in planned:
        try:
            recipes.append(read_recipe(recipe, preset=preset, overrides=run.overrides, data=data))
        except RecipeError as error:
            problems += [f"{run.name}: {problem}" for problem in error.problems]
    if problems:
        raise RecipeError(*problems)
    return recipes


def _folder(home: Path, run: "PlannedRun", recipe: "Recipe") -> Path:
    """Return the folder of a run; one that builds on earlier runs, which are stored beside it, is one level deeper."""
    return home / run.name / recipe.run.name if recipe.earlier else home / run.name


def _job(run: "PlannedRun", folder: Path, arguments: Sequence[str], home: Path, evaluate: bool) -> "Job":
    from facegen.core.recipe.run_files import is_run
    from facegen.training.runs.run import Run
    from facegen.training.sweep_jobs import Job

    program = [sys.executable, "-m", "facegen"]
    overrides = [word for override in run.overrides for word in ("--set", override)]
    train = [*program, "train", *arguments, *overrides, "--out", str(folder), "--resume"]
    try:
        is_finished = is_run(folder) and Run.open(folder).is_finished
    except CheckpointError:  # the training reports it
        is_finished = False
    commands = [*([] if is_finished else [train]), *([[*program, "evaluate", str(folder)]] if evaluate else [])]
    return Job(run.name, commands, home / "logs" / f"{run.name}.txt")


def _print_plan(planned: "Sequence[PlannedRun]", folders: Sequence[Path]) -> None:
    table = Table("run folder", "keys", box=None, pad_edge=False, header_style="bold")
    for run, folder in zip(planned, folders, strict=True):
        table.add_row(str(folder), " ".join(run.overrides))
    console.print(table)


def _report(result: "Result") -> None:
    console.print(f"{result.name}: {result.state}, {result.seconds / 60:.1f} minutes", soft_wrap=True)


def _table(results: "Sequence[Result]", folders: Sequence[Path]) -> Table:
    table = Table("run folder", "state", "minutes", "reason", box=None, pad_edge=False, header_style="bold")
    for result, folder in zip(results, folders, strict=True):
        minutes = f"{result.seconds / 60:.1f}" if result.seconds else "-"
        table.add_row(str(folder), result.state, minutes, result.reason)
    return table


def _compare(folders: Sequence[Path]) -> None:
    from facegen.cli.compare import print_table
    from facegen.core.interruption import Interruption
    from facegen.evaluation.comparison.compare import columns_of
    from facegen.evaluation.comparison.layouts import all_figures
    from facegen.evaluation.comparison.seed_groups import group_by_seed

    with watching() as observer:
        columns = columns_of(folders, (), None, observer, Interruption())
    print_table(all_figures(group_by_seed(columns)))
