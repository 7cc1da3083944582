"""Mean and deviation over runs that differ in their seed only."""

import json
import math
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace

from facegen.core.evidence import Figure
from facegen.evaluation.comparison.compare import Column
from facegen.evaluation.figures import by_key


def group_by_seed(columns: Sequence[Column]) -> list[Column]:
    """Merge the columns of runs whose recipes are equal except for the seed, on the same split of the same corpus.

    A figure of a merged column is the mean over runs, and its deviation the sample standard deviation, with n - 1; it
    has no interval. A column that is alone keeps its figures.

    Args:
        columns: of single runs. A column without its run (a JSON file) is merged with no other.
    """
    groups: dict[str, list[Column]] = {}
    for number, column in enumerate(columns):
        groups.setdefault(_group_key(column) or str(number), []).append(column)
    return [members[0] if len(members) == 1 else _merged(members) for members in groups.values()]


def _group_key(column: Column) -> str:
    """Return a text that is equal for columns of one group; "" if the run's recipe is unknown."""
    if column.run is None:
        return ""
    values = {name: table for name, table in column.run.recipe.values.items() if name not in ("run", "logger")}
    run = {key: value for key, value in column.run.recipe.values["run"].items() if key not in ("name", "seed")}
    return json.dumps([values, run, column.report.split, column.report.corpus_key], sort_keys=True)


def _merged(members: Sequence[Column]) -> Column:
    first = members[0]
    name = _common_name({member.name: member.run.recipe.run.seed for member in members if member.run is not None})
    label = f"{name}, {len(members)} seeds"
    if first.label != first.name:
        label += f", {first.report.name}"
    per_run = [by_key(member.report) for member in members]
    figures = {
        metric: [_mean([run[figure.key] for run in per_run if figure.key in run]) for figure in measured]
        for metric, measured in first.report.figures.items()
    }
    return replace(first, report=replace(first.report, figures=figures), name=name, label=label)


def _mean(figures: Sequence[Figure]) -> Figure:
    """Average a figure over runs; runs without a number are left out, and counted in the note."""
    first = figures[0]
    values = [figure.value for figure in figures if math.isfinite(figure.value)]
    if not values:
        return first
    note = f"mean of {len(values)} runs" if len(values) == len(figures) else f"mean of {len(values)} of {len(figures)}"
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return replace(first, value=statistics.fmean(values), low=None, high=None, deviation=deviation, note=note)


def _common_name(seeds: Mapping[str, int]) -> str:
    """Return the name that remains of all names of runs without their seeds; the first name if they differ."""
    without = {
        re.sub(rf"[-_.]*(seed)?[-_.]*(?<!\d){seed}(?!\d)", "", name).strip("-_.") for name, seed in seeds.items()
    }
    return without.pop() or next(iter(seeds)) if len(without) == 1 else next(iter(seeds))
