"""Files and folders that the settings of parts name."""

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from facegen.core.kinds import RECIPE_KINDS
from facegen.core.recipe.merge import Tables
from facegen.core.recipe.part_config import PartConfig, Recipe

KINDS_WITH_FILES = tuple(kind for kind in RECIPE_KINDS.values() if kind.name != "dataset")
"""A corpus stays where it is."""
NO_PATH = "not-included"
"""Value of a path that cannot be left out, in the recipe of a model file."""

Change = Callable[[Path], str]
Configs = Mapping[str, tuple[PartConfig, ...]]


def with_part_paths(recipe: Recipe, change: Change) -> Tables:
    """Return the tables of a recipe with every path in a part's own settings changed, also in [judge]."""
    tables = _changed(recipe.tables, recipe.configs, change)
    if recipe.judge:
        tables["judge"] = _changed(tables["judge"], recipe.judge, change)
    return tables


def _changed(tables: Mapping[str, Any], configs: Configs, change: Change) -> Tables:
    changed = dict(tables)
    for kind in KINDS_WITH_FILES:
        own = changed.get(kind.table)
        if isinstance(own, list):
            changed[kind.table] = [
                replaced_paths(table, config.settings, change)
                for table, config in zip(own, configs[kind.name], strict=True)
            ]
        elif own is not None:
            changed[kind.table] = replaced_paths(own, configs[kind.name][0].settings, change)
    return changed


def part_paths(recipe: Recipe, without: Collection[str] = ()) -> list[tuple[str, Path]]:
    """List the paths that a recipe gives to its parts, except of some kinds, each with file and table."""
    paths = []
    for tables_around, configs in ((recipe.tables, recipe.configs), (recipe.tables.get("judge", {}), recipe.judge)):
        for kind in KINDS_WITH_FILES:
            own = tables_around.get(kind.table, [])
            tables = own if isinstance(own, list) else [own]
            for table, config in zip(tables, configs.get(kind.name, ()), strict=False):
                if kind.name not in without:
                    for key in table:
                        paths += [(f"{config.where} {key}", path) for path in _paths_in(config.settings.get(key))]
    return paths


def pretrained_paths(recipe: Recipe) -> set[Path]:
    """Return the paths of weights that others have trained, which a run names by their hash and does not copy."""
    conditioners = (*recipe.configs["conditioner"], *recipe.judge.get("conditioner", ()))
    configs = [config for config in conditioners if config.part.load().pretrained]  # type: ignore[attr-defined]
    return {path for config in configs for path in _paths_in(config.settings)}


def missing_paths(recipe: Recipe) -> list[str]:
    """List the paths of parts where there is neither a file nor a folder."""
    return [
        f"{where} = '{path}': there is no such file or folder"
        for where, path in part_paths(recipe)
        if not _exists(path)
    ]


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that is too long, or holds a null character
        return False


def _paths_in(value: Any) -> Iterator[Path]:
    if isinstance(value, Path):
        if str(value) != NO_PATH:
            yield value
    elif isinstance(value, BaseModel | Mapping):
        for item in dict(value).values():
            yield from _paths_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _paths_in(item)


def replaced_paths(plain: Any, checked: Any, change: Change) -> Any:
    """Change the paths of a value; `checked` is the same value with its types."""
    if isinstance(checked, Path):
        return change(checked)
    if isinstance(checked, BaseModel):
        checked = dict(checked)
    if isinstance(plain, dict) and isinstance(checked, Mapping):
        return {key: replaced_paths(value, checked.get(key), change) for key, value in plain.items()}
    if isinstance(plain, list) and isinstance(checked, list | tuple) and len(plain) == len(checked):
        return [replaced_paths(one, other, change) for one, other in zip(plain, checked, strict=True)]
    return plain
