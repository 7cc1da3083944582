"""Recipes without paths, for model files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from facegen.core.kinds import RECIPE_KINDS
from facegen.core.recipe.merge import Tables
from facegen.core.recipe.part_config import PartConfig, Recipe
from facegen.core.recipe.part_paths import NO_PATH, Configs, replaced_paths

Kept = Mapping[str, str]


def without_paths(recipe: Recipe, kept: Kept | None = None) -> Tables:
    """Return the tables of a recipe without paths.

    Paths are the settings of type Path, and every other string that is an absolute path. A setting that has a default
    is left out; any other gets the value NO_PATH. [logger] is left out, because it may name a private project.

    Args:
        recipe: checked.
        kept: {path of a part: its new value} of those that stay.
    """
    kept = kept or {}
    tables = {name: _without_absolute(table) for name, table in recipe.tables.items() if name != "logger"}
    for name, model in (("draft", recipe.draft), ("evaluate", recipe.evaluate), ("train", recipe.train)):
        if name in tables and model is not None:
            tables[name] = _of_table(tables[name], {}, dict(model), type(model))
    tables = _of_parts(tables, kept, recipe.configs)
    if recipe.judge:
        tables["judge"] = _of_parts(tables["judge"], kept, recipe.judge)
    return tables


def _of_parts(tables: Tables, kept: Kept, configs: Configs) -> Tables:
    changed = dict(tables)
    for kind in RECIPE_KINDS.values():
        own = configs.get(kind.name, ())
        if kind.table not in tables or not own:
            continue
        if isinstance(tables[kind.table], list):
            pairs = zip(tables[kind.table], own, strict=True)
            changed[kind.table] = [_of_part(table, kept, config) for table, config in pairs]
        else:
            changed[kind.table] = _of_part(tables[kind.table], kept, own[0])
    return changed


def _of_part(table: Tables, kept: Kept, config: PartConfig) -> Tables:
    values = {**dict(config.engine), **config.settings}
    return _of_table(table, kept, values, type(config.engine), config.part.schema())


def _of_table(table: Tables, kept: Kept, values: Mapping[str, Any], *models: type[BaseModel]) -> Tables:
    required = {name for model in models for name, field in model.model_fields.items() if field.is_required()}
    return {
        key: replaced_paths(value, values.get(key), lambda path: kept.get(str(path), NO_PATH))
        for key, value in table.items()
        if key in required or not isinstance(values.get(key), Path) or str(values[key]) in kept
    }


def _without_absolute(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_absolute(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_absolute(item) for item in value]
    return NO_PATH if isinstance(value, str) and _is_absolute(value) else value


def _is_absolute(value: str) -> bool:
    return value.startswith(("/", "~", "\\\\")) or value[1:3] in (":\\", ":/")
