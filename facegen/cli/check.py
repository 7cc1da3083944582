"""`facegen check`."""

import gc
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from facegen.cli.console import console, styled, watching
from facegen.cli.options import recipe_options
from facegen.core.recipe.part_config import Recipe
from facegen.core.recipe.recipe import read_recipe
from facegen.core.recipe.rules import idle_settings
from facegen.core.text.json_text import json_text

if TYPE_CHECKING:
    from facegen.training.check.costs import StageCost
    from facegen.training.check.unit_costs import StageForecast


@click.command("check")
@recipe_options
@click.option("--measure", is_flag=True, help="Run some real steps, and forecast time and memory from them.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    recipe: Path, preset: str | None, overrides: tuple[str, ...], data: Path | None, measure: bool, as_json: bool
) -> None:
    """Check RECIPE without training it: settings, shapes and corpus; estimate time and memory.

    RECIPE is a TOML file, or the name of a shipped recipe (`facegen recipes`).

    With --measure, each stage runs four or more real steps in a temporary run, on the recipe's device and with its
    batch. The forecast counts all that a training does: start, loading, encoding, steps, checkpoints and sample grids.

    Warnings do not stop training. They name settings without effect, and reasons why `facegen evaluate` would refuse
    the finished run.
    """
    with _without_cycle_search():
        _run(recipe, preset, overrides, data, measure, as_json)


@contextmanager
def _without_cycle_search() -> Iterator[None]:
    """Switch Python's search for cycles of objects off: in a command this short it takes a fifth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _run(
    recipe: Path, preset: str | None, overrides: tuple[str, ...], data: Path | None, measure: bool, as_json: bool
) -> None:
    checked = read_recipe(recipe, preset=preset, overrides=overrides, data=data)
    from facegen.training.check.costs import measure_rate
    from facegen.training.distributed import Distributed

    device = Distributed.join(checked.run.device).device
    earlier = [
        _check(before, only_match=name.startswith("match."), measure=measure)
        for name, before in checked.earlier_recipes()
    ]
    own = _check(checked, is_own=True, measure=measure)
    rate = measure_rate(device)
    if as_json:
        values = {**own.as_json(rate), "device": str(device), "earlier": [result.as_json(rate) for result in earlier]}
        if measure:
            seconds, memory_bytes = _whole([*earlier, own])
            values["training"] = {"seconds": seconds, "memory_bytes": memory_bytes}
        click.echo(json_text(values, indent=2))
        return
    for result in [*earlier, own]:
        if earlier:
            console.print(styled((result.name, "bold")))
        result.show(rate)
        result.show_measured()
    for warning in own.warnings:
        console.print(styled(("Warning:", "yellow"), f" {warning}"), soft_wrap=True)
    verdict = "can be trained, with the warnings above" if own.warnings else "no problems"
    console.print(f"{recipe}: {verdict}. Times are estimates for {device} at {rate / 1e9:,.0f} GFLOP/s.")
    if measure:
        seconds, memory_bytes = _whole([*earlier, own])
        duration = timedelta(seconds=round(seconds))
        memory = f"{memory_bytes / 2**30:.2f} GiB"
        console.print(f"Measured on {device}: the training takes {duration}, and {memory} of memory.")


@dataclass(frozen=True)
class _CheckResult:
    """Result of the check of one recipe.

    Attributes:
        name: of its run.
        splits: numbers of clips and people of each split.
        costs: of each stage.
        warnings: problems that do not stop training.
        measured: forecast of each stage from real steps; empty without --measure.
        ready_seconds: from the start of the program until all was checked, which precedes a training, too.
    """

    name: str
    splits: "Mapping[str, Mapping[str, int]]"
    costs: "list[StageCost]"
    warnings: tuple[str, ...] = ()
    measured: "Sequence[StageForecast]" = ()
    ready_seconds: float = 0.0

    def as_json(self, rate: float) -> dict[str, Any]:
        stages = [{**asdict(cost), "seconds": cost.seconds(rate)} for cost in self.costs]
        values = {"name": self.name, "stages": stages, "splits": self.splits, "warnings": self.warnings}
        measured = [{**asdict(stage), "seconds": stage.seconds} for stage in self.measured]
        return values | ({"measured": measured} if measured else {})

    def show(self, rate: float) -> None:
        table = Table("split", "clips", "people", box=None, pad_edge=False, header_style="bold")
        for split, counts in self.splits.items():
            table.add_row(split, f"{counts['clips']:,}", f"{counts['people']:,}")
        console.print(table)
        table = Table("stage", "steps", "batch", "weights", "GFLOP a step", "memory", "time", box=None, pad_edge=False,
                      header_style="bold")  # fmt: skip
        for cost in self.costs:
            estimates = ["unknown"] * 3 if cost.step_flops is None else _estimates(cost, rate)
            table.add_row(cost.name, f"{cost.steps:,}", str(cost.batch_size), f"{cost.num_weights:,}", *estimates)
        console.print(table)

    def show_measured(self) -> None:
        """Print the measured costs of every stage; nothing without --measure."""
        if not self.measured:
            return
        table = Table("stage", "measured", box=None, pad_edge=False, header_style="bold")
        for column in ("count", "ms each", "total", "share"):
            table.add_column(column, justify="right")
        whole = sum(stage.seconds or 0.0 for stage in self.measured)
        for stage in self.measured:
            for cost in stage.costs or ():
                duration = str(timedelta(seconds=round(cost.total_seconds)))
                share = f"{cost.total_seconds / max(whole, 1e-9):.0%}"
                row = (f"{cost.count:,.0f}", f"{1000 * cost.seconds:,.1f}", duration, share)
                table.add_row(stage.name, cost.name, *row)
        console.print(table)


def _whole(results: "Sequence[_CheckResult]") -> tuple[float, float]:
    """Return seconds and bytes of memory of all measured stages, with the start of the program."""
    stages = [stage for result in results for stage in result.measured]
    seconds = results[0].ready_seconds + sum(stage.seconds or 0.0 for stage in stages)
    return seconds, max((stage.memory_bytes or 0.0 for stage in stages), default=0.0)


def _estimates(cost: "StageCost", rate: float) -> list[str]:
    """Format operations, memory and time of a stage."""
    flops, memory_bytes, seconds = cost.step_flops or 0.0, cost.memory_bytes or 0.0, cost.seconds(rate) or 0.0
    duration = timedelta(seconds=round(seconds))
    return [f"{flops / 1e9:,.1f}", f"{memory_bytes / 2**30:.2f} GiB", f"about {duration}"]


def _check(recipe: Recipe, *, only_match: bool = False, is_own: bool = False, measure: bool = False) -> _CheckResult:
    from facegen.evaluation.evaluation_check import evaluation_problems
    from facegen.training.check.corpus_check import balance_warnings, check_splits
    from facegen.training.check.costs import estimate_costs
    from facegen.training.check.dry_run import dry_run
    from facegen.training.check.memory_limit import memory_problems
    from facegen.training.distributed import Distributed
    from facegen.training.train import check_training, open_dataset

    dataset = open_dataset(recipe)
    networks = check_training(recipe, dataset, None) if is_own else dry_run(recipe, dataset.spec)
    splits = check_splits(recipe, dataset, networks)
    problems = evaluation_problems(recipe, dataset, networks) if is_own else []
    warnings = [f"`facegen evaluate` would refuse the finished run: {problem}" for problem in problems]
    costs = [cost for cost in estimate_costs(recipe, networks, dataset) if not only_match or cost.name == "match"]
    warnings += balance_warnings(recipe, dataset)
    distributed = Distributed.join(recipe.run.device)
    warnings += memory_problems(recipe, costs, distributed)
    measured: Sequence[StageForecast] = ()
    ready_seconds = time.process_time()
    if measure:
        from facegen.training.check.measure import measure_stages

        with watching() as observer:
            measured = measure_stages(recipe, dataset, distributed, observer, only_match=only_match)
    return _CheckResult(recipe.run.name, splits, costs, (*warnings, *idle_settings(recipe)), measured, ready_seconds)
