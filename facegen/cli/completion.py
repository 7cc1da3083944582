"""Shell completion of arguments and options; each function is a `shell_complete` of click, and none imports torch."""

import os
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem, split_arg_string

from facegen.core.errors import FacegenError
from facegen.core.kinds import KINDS, RECIPE_KINDS
from facegen.core.recipe.run_files import METADATA
from facegen.core.recipe.shipped import find_recipe, shipped_recipes
from facegen.core.recipe.tables import ENGINE_TABLES
from facegen.core.registry import registry
from facegen.core.shipped_models import shipped_models

TABLE = "table"
"""Pseudo-kind of the recipe tables that the engine itself reads."""
RUNS = Path("runs")
"""Default folder of runs."""
SWEEP_DEPTH = 2
"""Depth at which runs are looked for in it: runs/NAME, and runs/SWEEP/NAME."""


_TABLES = (*ENGINE_TABLES, *(kind.table for kind in RECIPE_KINDS.values()))


def complete_kind(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete a kind of part, or "table"."""
    kinds = [*KINDS, TABLE] if context.info_name == "describe" else KINDS
    return _starting(kinds, incomplete)


def complete_name(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of a part of the KIND before it."""
    kind = context.params.get("kind")
    names: Iterable[str] = _TABLES if kind == TABLE else sorted(registry().parts.get(str(kind), {}))
    return _starting(names, incomplete)


def complete_shipped(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of a shipped recipe."""
    return _starting(shipped_recipes(), incomplete)


def complete_recipe(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of a shipped recipe, or else a path."""
    return _or_file(_starting(shipped_recipes(), incomplete), incomplete)


def complete_preset(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of a preset of the RECIPE on the command line, and of the recipes that it extends."""
    # click drops the arguments before an option without its value, so that the context has no RECIPE.
    words = split_arg_string(os.environ.get("COMP_WORDS", ""))[2:]
    tables = next(filter(None, map(_read, words)), {})
    presets = dict.fromkeys(tables.get("preset", {}))
    presets |= dict.fromkeys(_read(tables.get("extends", "")).get("preset", {}))
    return _starting(presets, incomplete)


def _read(recipe: str) -> dict[str, Any]:
    """Return the tables of a recipe; {} if there is none, or if it is damaged, which the command itself reports."""
    try:
        return tomllib.loads(find_recipe(recipe).read_text(encoding="utf-8"))
    except (OSError, ValueError, FacegenError):
        return {}


def complete_run(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete a run folder in runs/, the name of a shipped model, or else a path."""
    patterns = ("/".join(["*"] * depth) for depth in range(1, SWEEP_DEPTH + 1))
    runs = sorted(str(path.parent) for pattern in patterns for path in RUNS.glob(f"{pattern}/{METADATA}"))
    return _or_file(_starting([*runs, *shipped_models()], incomplete), incomplete)


def complete_model(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of a shipped model, or else a path."""
    return _or_file(_starting(shipped_models(), incomplete), incomplete)


def _starting(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _or_file(items: list[CompletionItem], incomplete: str) -> list[CompletionItem]:
    """Return the items; without any, ask the shell to complete a path."""
    return items or [CompletionItem(incomplete, type="file")]
