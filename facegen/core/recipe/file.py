"""Recipe files: TOML tables of a file, merged with the recipe that it extends, a preset, and --set."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from os.path import realpath
from pathlib import Path
from typing import Any, TypeGuard

from facegen.core.errors import DataError, RecipeError
from facegen.core.kinds import RECIPE_KINDS
from facegen.core.recipe.merge import Tables, merge_tables, nested, parse_override
from facegen.core.recipe.shipped import find_recipe, is_bare, missing_file, shipped_recipes
from facegen.core.recipe.tables import EARLIER_RUNS, ENGINE_TABLES
from facegen.core.text.shown import shown
from facegen.core.text.suggest import did_you_mean
from facegen.core.text.text_files import read_text
from facegen.core.text.toml_text import MAX_CHARACTERS, parse_toml

JUDGE_TABLES = ("conditioner", "discriminator", "match", "augment")
"""Tables that [judge] may hold; they replace those of the recipe when the judge is trained."""


def read_tables(path: Path, preset: str | None, overrides: Iterable[str], *, preset_may_lack: bool = False) -> Tables:
    """Read a recipe file and merge its layers.

    Args:
        path: the TOML file.
        preset: name of one of its [preset.*] tables, which overrides the file.
        overrides: "table.key=value" pairs, which override the preset.
        preset_may_lack: use the file alone if it has no such preset.
    Raises:
        RecipeError: a layer is missing or cannot be read.
    """
    tables = _merge_layers(path, preset, overrides, preset_may_lack)
    return _with_judge(_with_match_of_start(tables), preset, path)


def preset_names(path: Path) -> list[str]:
    """List the presets of a recipe file, and of the recipe that it extends."""
    tables = _read(path)
    names = dict.fromkeys(tables.get("preset", {}))
    if "extends" in tables:
        names |= dict.fromkeys(_read(_find(tables["extends"], path.parent, f"{path}: extends")).get("preset", {}))
    return list(names)


def inherited_tables(path: Path, preset: str | None, problems: Iterable[str]) -> list[str]:
    """Explain problems of tables that a preset of an extended recipe changes, for a part of another type."""
    own, problems = _read(path), list(problems)
    if preset is None or "extends" not in own:
        return []
    other = _find(own["extends"], path.parent, f"{path}: extends")
    below, hints = _read(other), []
    for name, changed in below.get("preset", {}).get(preset, {}).items():
        types = [tables[name].get("type") for tables in (below, own) if isinstance(tables.get(name), dict)]
        is_other = len(types) == 2 and None not in types and types[0] != types[1]
        if is_other and isinstance(changed, dict) and any(f"[{name}]" in problem for problem in problems):
            hints.append(
                f"{path}: [preset.{preset}.{name}] of {other.name} sets {', '.join(changed)} for type '{types[0]}', "
                f"and here [{name}] has type '{types[1]}'; add without = ['{name}'], and write [{name}] and "
                f"[preset.{preset}.{name}] in full"
            )
    return hints


def _merge_layers(path: Path, preset: str | None, overrides: Iterable[str], preset_may_lack: bool) -> Tables:
    tables = _read(path)
    without = tables.pop("without", [])
    if "extends" in tables:
        below = _read(_find(tables.pop("extends"), path.parent, f"{path}: extends"))
        if "extends" in below:
            extended = shown(below["extends"])
            raise RecipeError(f"{path}: extends a recipe that extends {extended}; extend {extended} instead")
        tables = merge_tables(_without(without, below, path), tables, str(path))
    elif without:
        raise RecipeError(
            f"{path}: without = {shown(without)}: has no effect without extends; remove it, or add extends"
        )
    presets = tables.pop("preset", {})
    if preset in presets:
        tables = merge_tables(tables, presets[preset], f"{path}: [preset.{preset}]")
    elif preset is not None and not preset_may_lack:
        raise RecipeError(f"{path}: preset '{preset}' is not in the recipe{did_you_mean(preset, presets)}")
    overrides, present = tuple(overrides), set(tables)
    for override in overrides:
        tables = apply_override(tables, override)
    _require_type_of_new_tables(tables, present, overrides)
    return tables


def _with_match_of_start(tables: Tables) -> Tables:
    """Take the match stage of the run of [train] start over, where [match] names no other run."""
    match, train = tables.get("match"), tables.get("train")
    if not (isinstance(match, dict) and isinstance(train, dict) and "start" in train) or {"run", "start"} & set(match):
        return tables
    return {**tables, "match": {**match, "run": train["start"]}}


def _require_type_of_new_tables(tables: Tables, present: set[str], overrides: Iterable[str]) -> None:
    """Refuse overrides that add the table of a part without its type."""
    problems = []
    for override in overrides:
        name = parse_override(override)[0][0]
        is_part = any(name == kind.table for kind in RECIPE_KINDS.values())
        if name in present or not is_part or "type" in tables[name]:
            continue
        problems.append(
            f"--set {override}: the recipe has no [{name}]; it has {', '.join(sorted(present))}. To add a [{name}], "
            f"give its type, too: --set {name}.type=NAME"
        )
    if problems:
        raise RecipeError(*problems)


def _with_judge(tables: Tables, preset: str | None, path: Path) -> Tables:
    """Replace `recipe = RECIPE` of [judge] by the JUDGE_TABLES of that recipe; other keys of [judge] override them.

    The [judge] of that recipe is not read, so references cannot form a circle.
    """
    judge = tables.get("judge")
    if not (isinstance(judge, dict) and isinstance(judge.get("recipe"), str)):
        return tables
    other = _merge_layers(Path(judge["recipe"]), preset, (), preset_may_lack=True)
    below = {name: other[name] for name in JUDGE_TABLES if name in other}
    own = {name: table for name, table in judge.items() if name != "recipe"}
    return {**tables, "judge": merge_tables(below, own, f"{path}: [judge]")}


def judge_tables(tables: Mapping[str, Any], judge: Mapping[str, Any], start: Path | None) -> Tables:
    """Return the tables that train a judge: those of [judge], and the recipe's own where [judge] lacks one.

    Args:
        tables: tables of the recipe.
        judge: its [judge], or that of another recipe.
        start: an earlier run whose match stage the judge's training starts from.
    """
    merged = {name: tables[name] for name in JUDGE_TABLES if name in tables} | dict(judge)
    # Without a start, the networks are random, and freezing them makes no sense.
    removed = {"run", "start"} | (set() if start else {"freeze_conditioner", "freeze_faces"})
    match = {key: value for key, value in merged.get("match", {}).items() if key not in removed}
    if match:
        merged["match"] = match if start is None else {**match, "start": str(start)}
    return merged if match.get("augment") else {name: table for name, table in merged.items() if name != "augment"}


def apply_override(tables: Tables, override: str) -> Tables:
    """Return the tables with one key changed.

    Args:
        tables: tables of a recipe.
        override: "table.key=value", with a TOML value; "table.type.key" or "table.0.key" for an entry of a list.
    Raises:
        RecipeError: the override has another form, or matches no entry of a list, or several.
    """
    changed = nested(*parse_override(override))
    _anchor(changed, Path(), f"--set {override}")
    return merge_tables(tables, changed, f"--set {override}")


def differences(first: Mapping[str, Any], second: Mapping[str, Any], above: str = "") -> list[str]:
    """List the dotted keys in which two recipes differ."""
    differing = []
    for key in sorted({*first, *second}):
        one, other = first.get(key), second.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            differing += differences(one, other, f"{above}{key}.")
        elif one != other:
            differing.append(f"{above}{key}")
    return differing


def is_recipe(value: Any) -> TypeGuard[str]:
    """Return True for a path of a recipe; an earlier run is named by its recipe or by its folder."""
    return isinstance(value, str) and value.endswith(".toml")


def _read(path: Path) -> Tables:
    try:
        tables = parse_toml(read_text(path, MAX_CHARACTERS))
    except FileNotFoundError:
        raise RecipeError(missing_file(path)) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read as TOML: {error}") from error
    except DataError as error:
        raise RecipeError(*error.problems) from error
    wrong = [f"{path}: {problem}" for problem in _misshapen(tables)]
    if wrong:
        raise RecipeError(*wrong)
    for layer in (tables, *tables.get("preset", {}).values()):
        _anchor(layer, path.parent, str(path))
    return tables


def _misshapen(layer: Tables, above: str = "") -> Iterator[str]:
    """Explain values of a file, or of its preset where `above` is "preset.NAME.", that must be tables and are none."""
    for name in ("preset", *ENGINE_TABLES):
        if name in layer and not isinstance(layer[name], dict):
            yield f"{above}{name} = {shown(layer[name])}: must be a table, written [{above}{name}]"
    presets = {} if above else layer.get("preset", {})
    for name, preset in presets.items() if isinstance(presets, dict) else ():
        if isinstance(preset, dict):
            yield from _misshapen(preset, f"preset.{name}.")
        else:
            yield f"preset.{name} = {shown(preset)}: must be a table, written [preset.{name}]"


def _anchor(tables: Tables, folder: Path, source: str) -> None:
    """Replace the recipes that tables name by the absolute paths of their files."""
    for table, key in (*EARLIER_RUNS, ("judge", "recipe")):
        value = tables[table].get(key) if isinstance(tables.get(table), dict) else None
        if not isinstance(value, str):
            continue
        if table == "judge" or is_recipe(value) or _is_shipped_recipe(value):
            tables[table][key] = str(_find(value, folder, f"{source}: [{table}] {key}"))


def _is_shipped_recipe(value: str) -> bool:
    """Return whether a name of an earlier run is that of a shipped recipe; a folder of that name comes first."""
    return is_bare(value) and value in shipped_recipes() and not Path(value).exists()


def _find(name: Any, folder: Path, where: str) -> Path:
    """Return the absolute path of the recipe that another one names."""
    if not isinstance(name, str):
        raise RecipeError(f"{where} = {shown(name)}: must be the name or the file of a recipe")
    try:
        return Path(realpath(find_recipe(name, folder)))  # Path.resolve raises an error for a loop of links
    except RecipeError as error:
        raise RecipeError(*(f"{where}: {problem}" for problem in error.problems)) from None


def _without(names: Any, tables: Tables, path: Path) -> Tables:
    """Remove tables from an extended recipe and from its presets."""
    known = {name for name in tables if name != "preset"}
    if not isinstance(names, list) or not all(isinstance(name, str) and name in known for name in names):
        allowed = ", ".join(sorted(known))
        raise RecipeError(f"{path}: without = {shown(names)}: must list tables of the extended recipe: {allowed}")
    remaining = {name: table for name, table in tables.items() if name not in names}
    if "preset" in tables:
        presets = tables["preset"].items()
        remaining["preset"] = {
            preset: {name: table for name, table in changed.items() if name not in names} for preset, changed in presets
        }
    return remaining
