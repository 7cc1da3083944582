"""Recipe files: TOML, the file that one extends, presets, and single keys laid over all that."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeGuard

from facegen.core.errors import RecipeError
from facegen.core.suggest import did_you_mean
from facegen.core.tables import EARLIER_RUNS, ENGINE_TABLES

Tables = dict[str, Any]
JUDGE_TABLES = ("conditioner", "discriminator", "match", "augment")
"""Tables of [judge], which stand in for the recipe's own in the recipe of its judge."""


def read_tables(path: Path, preset: str | None, overrides: Iterable[str], *, preset_may_lack: bool = False) -> Tables:
    """The tables that a recipe file says, its layers merged.

    Args:
        path: the TOML file.
        preset: name of one of its [preset.*] tables, laid over it.
        overrides: "table.key=value" pairs, laid over that.
        preset_may_lack: a recipe without that preset is taken as it is.
    Raises:
        RecipeError: a layer is missing, or cannot be read.
    """
    tables = _read(path)
    without = tables.pop("without", [])
    if "extends" in tables:
        below = _read((path.parent / str(tables.pop("extends"))).resolve())
        if "extends" in below:
            raise RecipeError(f"{path}: extends a recipe that itself extends another; name that one instead")
        tables = _merge(_without(without, below, path), tables)
    elif without:
        raise RecipeError(f"{path}: without = {without!r}: there is nothing to leave out in a recipe without extends")
    presets = tables.pop("preset", {})
    if preset in presets:
        tables = _merge(tables, presets[preset])
    elif preset is not None and not preset_may_lack:
        raise RecipeError(f"{path}: preset '{preset}' is not in the recipe{did_you_mean(preset, presets)}")
    for override in overrides:
        tables = lay_over(tables, override)
    return _with_judge(tables, preset)


def _with_judge(tables: Tables, preset: str | None) -> Tables:
    """[judge] recipe = FILE becomes the tables of that file that train a judge, under those of [judge] itself."""
    judge = tables.get("judge")
    if not (isinstance(judge, dict) and is_recipe(judge.get("recipe"))):
        return tables
    other = read_tables(Path(judge["recipe"]), preset, (), preset_may_lack=True)
    lent = {name: other[name] for name in JUDGE_TABLES if name in other}
    own = {name: table for name, table in judge.items() if name != "recipe"}
    return {**tables, "judge": _merge(lent, own)}


def judge_tables(tables: Mapping[str, Any], judge: Mapping[str, Any], start: Path | None) -> Tables:
    """What trains a judge: the tables of [judge], and for the rest what trains the match stage of a recipe.

    Args:
        tables: of the recipe.
        judge: its [judge], or another's.
        start: an earlier run whose match stage the judge starts from.
    """
    found = {name: tables[name] for name in JUDGE_TABLES if name in tables} | dict(judge)
    # A judge that starts from nothing has nothing to keep as it is.
    left_out = {"run", "start"} | (set() if start else {"freeze_conditioner", "freeze_faces"})
    match = {key: value for key, value in found.get("match", {}).items() if key not in left_out}
    if match:
        found["match"] = match if start is None else {**match, "start": str(start)}
    return found if match.get("augment") else {name: table for name, table in found.items() if name != "augment"}


def lay_over(tables: Tables, override: str) -> Tables:
    """Tables with one key changed.

    Args:
        override: "table.key=value", the value in TOML's own form.
    Raises:
        RecipeError: it has another form.
    """
    merged: Tables = _merge(tables, _parse_override(override))
    return merged


def differences(first: Mapping[str, Any], second: Mapping[str, Any], above: str = "") -> list[str]:
    """Dotted keys in which two recipes differ."""
    found = []
    for key in sorted({*first, *second}):
        one, other = first.get(key), second.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            found += differences(one, other, f"{above}{key}.")
        elif one != other:
            found.append(f"{above}{key}")
    return found


def is_recipe(value: Any) -> TypeGuard[str]:
    """An earlier run is named by its recipe, not by its folder."""
    return isinstance(value, str) and value.endswith(".toml")


def _read(path: Path) -> Tables:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        near = [recipe.stem for recipe in path.parent.glob("*.toml")] if path.parent.is_dir() else []
        raise RecipeError(f"{path}: there is no such recipe{did_you_mean(path.stem, near)}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read as TOML: {error}") from error
    here = {name: tables[name] for name in (*ENGINE_TABLES, "preset") if name in tables}
    if isinstance(here.get("preset"), dict):
        here |= {f"preset.{name}": preset for name, preset in here["preset"].items()}
    flat = {name: value for name, value in here.items() if not isinstance(value, dict)}
    if flat:
        raise RecipeError(*(f"{path}: {name} = {v!r}: must be a table, written [{name}]" for name, v in flat.items()))
    for layer in (tables, *tables.get("preset", {}).values()):
        _anchor(layer, path.parent)
    return tables


def _anchor(tables: Tables, folder: Path) -> None:
    """Make the recipes that tables name independent of the file that names them."""
    for table, key in (*EARLIER_RUNS, ("judge", "recipe")):
        value = tables[table].get(key) if isinstance(tables.get(table), dict) else None
        if is_recipe(value):
            tables[table][key] = str((folder / value).resolve())


def _without(names: Any, tables: Tables, path: Path) -> Tables:
    """The tables of an extended recipe, and of its presets, but for some."""
    known = {name for name in tables if name != "preset"}
    if not isinstance(names, list) or not all(name in known for name in names):
        allowed = ", ".join(sorted(known))
        raise RecipeError(f"{path}: without = {names!r}: must list tables of the extended recipe: {allowed}")
    kept = {name: table for name, table in tables.items() if name not in names}
    if "preset" in tables:
        presets = tables["preset"].items()
        kept["preset"] = {
            preset: {name: table for name, table in changed.items() if name not in names} for preset, changed in presets
        }
    return kept


def _parse_override(override: str) -> Tables:
    key, separator, value = override.partition("=")
    if not separator or "." not in key:
        raise RecipeError(f"--set {override}: must be TABLE.KEY=VALUE, such as train.batch_size=32")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value  # a bare word is a string, so that a shell's quotes need no quoting
    for name in reversed(key.strip().split(".")):
        parsed = {name: parsed}
    _anchor(parsed, Path())
    return parsed


def _merge(below: Any, above: Any) -> Any:
    """Lay tables over tables, key by key; a part of another type replaces the table, as its keys mean other things."""
    if isinstance(below, list) and isinstance(above, dict) and len(below) == 1:
        return [_merge(below[0], above)]
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    if "type" in above and above["type"] != below.get("type", above["type"]):
        return above
    merged = dict(below)
    for key, value in above.items():
        merged[key] = _merge(below[key], value) if key in below else value
    return merged
