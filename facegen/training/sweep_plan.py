"""Runs of a sweep: every combination of seeds and of values of keys."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from facegen.core.errors import RecipeError
from facegen.core.recipe.unique_names import unique_names

SEED = "run.seed"
MAX_RUNS = 1000
MAX_NAME_LENGTH = 40
"""Length at which the value in a run's name is cut."""
_OPENING, _CLOSING, _QUOTES = "[{", "]}", "\"'"


@dataclass(frozen=True)
class PlannedRun:
    """One run of a sweep.

    Attributes:
        name: consists of the keys and values that differ between the runs.
        overrides: its "table.key=value" pairs.
    """

    name: str
    overrides: tuple[str, ...]


def plan_runs(recipe_name: str, overrides: Sequence[str], seeds: Sequence[int]) -> list[PlannedRun]:
    """Combine every value of every key with every seed.

    Args:
        recipe_name: name of the only run if nothing differs.
        overrides: "table.key=value,value,..." pairs; a comma inside quotes, brackets or braces separates no values.
        seeds: values of `run.seed`; if empty, that of the recipe.
    Raises:
        RecipeError: a pair has no value, a key or a value appears twice, or the runs are too many.
    """
    axes = [_axis(override) for override in overrides]
    axes += [(SEED, [str(seed) for seed in seeds])] if seeds else []
    keys = [key for key, _ in axes]
    problems = [f"--set {key}: appears twice; write its values behind one another: {key}=A,B"
                for key in dict.fromkeys(keys) if keys.count(key) > 1]  # fmt: skip
    problems += [f"{key} = {', '.join(values)}: has a value twice; remove one" for key, values in axes
                 if len(set(values)) < len(values)]  # fmt: skip
    if problems:
        raise RecipeError(*problems)
    num_runs = math.prod(len(values) for _, values in axes)
    if num_runs > MAX_RUNS:
        counts = ", ".join(f"{len(values)} of {key}" for key, values in axes if len(values) > 1)
        raise RecipeError(f"{counts} make {num_runs:,} runs; at most {MAX_RUNS:,} are allowed; give fewer values")
    varying = [key for key, values in axes if len(values) > 1]
    combinations = [dict(zip(keys, values, strict=True)) for values in product(*(values for _, values in axes))]
    names = ["_".join(_label(key, chosen[key], varying) for key in varying) or recipe_name for chosen in combinations]
    return [
        PlannedRun(name, tuple(f"{key}={value}" for key, value in chosen.items()))
        for name, chosen in zip(unique_names(names), combinations, strict=True)
    ]


def _axis(override: str) -> tuple[str, list[str]]:
    key, separator, text = override.partition("=")
    values = [value.strip() for value in _split(text)]
    if not separator or not all(values):
        raise RecipeError(f"--set {override}: must be TABLE.KEY=VALUE,VALUE,..., such as objective.type=relid,hinge")
    return key.strip(), values


def _split(text: str) -> Iterator[str]:
    """Split at the commas outside of quotes, brackets and braces."""
    depth, quote, start = 0, "", 0
    for position, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in _QUOTES:
            quote = character
        elif character == "," and depth == 0:
            yield text[start:position]
            start = position + 1
        else:
            depth += (character in _OPENING) - (character in _CLOSING)
    yield text[start:]


def _label(key: str, value: str, varying: Sequence[str]) -> str:
    """Return "key-value", with the last part of the dotted key where that is unique among the keys that differ."""
    last = key.rpartition(".")[2]
    is_unique = [other.rpartition(".")[2] for other in varying].count(last) == 1
    sign = "-" if value.startswith("-") else ""
    text = sign + re.sub(r"[^A-Za-z0-9_.+-]+", "-", value).strip("-")
    return f"{last if is_unique else key}-{text[:MAX_NAME_LENGTH]}"
