"""Forecast of a training before its first step: time and memory of what is still to be trained."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from facegen.core.batch import DataSpec
from facegen.core.interfaces import Dataset
from facegen.core.recipe.part_config import Recipe
from facegen.core.recipe.run_files import is_run
from facegen.training.build import Networks
from facegen.training.check.costs import StageCost, estimate_costs, measure_rate
from facegen.training.check.dry_run import dry_run
from facegen.training.check.unit_costs import StageForecast, stage_costs
from facegen.training.runs.run import Run

NEGLIGIBLE_FLOPS = 1e12
"""A training of fewer operations takes minutes at most; its rate is not measured."""


@dataclass(frozen=True)
class Forecast:
    """Forecast of a training.

    Attributes:
        stages: those that are not finished, in order.
        flops_per_second: rate that the machine was measured at.
        device: of the training.
    """

    stages: Sequence[StageForecast]
    flops_per_second: float
    device: torch.device

    @property
    def seconds(self) -> float:
        """Duration of all stages that can be estimated."""
        return sum(stage.seconds or 0.0 for stage in self.stages)

    @property
    def memory_bytes(self) -> float | None:
        """Largest memory of a stage; None if it is unknown."""
        known = [stage.memory_bytes for stage in self.stages if stage.memory_bytes is not None]
        return max(known, default=None)


@dataclass(frozen=True)
class _Remaining:
    name: str
    cost: StageCost
    steps: int

    @property
    def flops(self) -> float | None:
        return None if self.cost.step_flops is None else self.cost.step_flops * self.steps

    def at(self, flops_per_second: float) -> StageForecast:
        seconds = self.cost.step_seconds(flops_per_second)
        costs = None if seconds is None else stage_costs({"step": self.steps}, {"step": seconds})
        return StageForecast(self.name, costs, self.cost.memory_bytes)


def forecast(
    recipe: Recipe, out: Path, networks: Networks, dataset: Dataset, earlier: Sequence[tuple[str, Recipe, Dataset]],
    device: torch.device,
) -> Forecast | None:  # fmt: skip
    """Estimate a training, and measure the rate of this machine.

    Args:
        recipe: checked.
        out: the run folder; steps of a run that it holds are done.
        networks: of the recipe, on the meta device.
        dataset: the corpus.
        earlier: recipes that are trained first, with their corpora, as ("table.key", recipe, corpus).
        device: of the training.
    Returns:
        None if nothing is left to train, or too little for an estimate.
    """
    remaining = []
    for name, before, corpus in earlier:
        costs = estimate_costs(before, dry_run(before, corpus.spec), corpus)
        costs = [cost for cost in costs if cost.name == "match" or not name.startswith("match.")]
        remaining += [_Remaining(f"{before.run.name}: {cost.name}", cost, cost.steps) for cost in costs]
    for cost in estimate_costs(recipe, networks, dataset):
        steps = cost.steps - _steps_done(out, recipe, dataset.spec, cost.name)
        remaining += [_Remaining(cost.name, cost, steps)] if steps > 0 else []
    if sum(stage.flops or 0.0 for stage in remaining) < NEGLIGIBLE_FLOPS:
        return None
    rate = measure_rate(device)
    return Forecast([stage.at(rate) for stage in remaining], rate, device)


def _steps_done(out: Path, recipe: Recipe, data: DataSpec, stage: str) -> int:
    if not is_run(out):
        return 0
    run = Run(out, recipe, data)
    if stage == "match" and run.is_matched:
        return run.match_step
    newest = run.newest(stage)
    return 0 if newest is None else newest[1]
