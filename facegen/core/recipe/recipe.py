"""Reading and checking of recipes. All problems of a recipe are reported at once, before anything is built."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from facegen.core.errors import PluginError, RecipeError
from facegen.core.kinds import KINDS, RECIPE_KINDS, Kind
from facegen.core.readable_files import real_path
from facegen.core.recipe.default_parts import default_parts
from facegen.core.recipe.file import (
    JUDGE_TABLES,
    Tables,
    apply_override,
    differences,
    inherited_tables,
    is_recipe,
    read_tables,
)
from facegen.core.recipe.part_config import PartConfig, Recipe
from facegen.core.recipe.rules import (
    conflicting_starts,
    misplaced_draft,
    missing_tables,
    repeated_metrics,
    untrained_frozen_conditioners,
)
from facegen.core.recipe.run_files import recipe_of
from facegen.core.recipe.settings import check_table, oversized, settings_of
from facegen.core.recipe.shipped import find_recipe, unknown_run
from facegen.core.recipe.tables import EARLIER_RUNS, ENGINE_TABLES, MAX_NAME_CHARACTERS, DraftSettings
from facegen.core.registry import registry
from facegen.core.text.shown import shown
from facegen.core.text.suggest import did_you_mean

REQUIRED_TABLES = ("data",)
OPTIONAL_TABLES = ("draft", "train")
MAX_CHAIN = 5
"""Largest number of recipes that build on each other. Each may name three, so their number grows by powers of three."""
SHARED_OVERRIDES = ("match", "train")
"""Tables whose --set keys are applied to the recipes of earlier runs, too ..."""
OWN_OVERRIDES = {*EARLIER_RUNS, ("match", "freeze_conditioner"), ("match", "freeze_faces")}
"""... except these keys, which refer to an earlier run themselves."""


def read_recipe(
    path: Path, *, preset: str | None = None, overrides: Iterable[str] = (), data: Path | None = None
) -> Recipe:
    """Read, merge and check a recipe, and the recipes of the earlier runs that it names.

    An earlier recipe gets the corpus, seed, device, precision, loggers and preset of this one, and the `overrides` of
    [match] and [train]; overrides of a matcher's own keys apply only if both recipes have a matcher of the same type.

    Args:
        path: the TOML file, the bare name of a shipped recipe, or a run folder, whose own recipe is read.
        preset: name of one of its [preset.*] tables, which overrides the file.
        overrides: "table.key=value" pairs with TOML values, which override the preset.
        data: a packed corpus that replaces the recipe's own.
    Raises:
        RecipeError: the recipe has problems; the error lists all of them.
        PluginError: a part of the recipe is broken.
    """
    path, overrides = find_recipe(recipe_of(path)), tuple(overrides)
    tables = read_tables(path, preset, overrides)
    if data is not None:
        tables = _with_packed(tables, data)
    tables.setdefault("run", {}).setdefault("name", default_run_name(path))
    try:
        recipe = _with_earlier(tables, path, preset, overrides, ())
    except RecipeError as error:
        raise RecipeError(*error.problems, *inherited_tables(path, preset, error.problems)) from None
    _refuse_shared_names(recipe)
    return recipe


def default_run_name(path: Path) -> str:
    """Return the name of the run of a recipe without one: the file's, with "_" for what a run name may not hold."""
    return re.sub(r"[^\w.-]+", "_", path.stem).strip("_.-")[:MAX_NAME_CHARACTERS] or "run"


def with_data(recipe: Recipe, data: Path) -> Recipe:
    """Return the recipe with a packed corpus in place of its own."""
    return check_recipe(_with_packed(recipe.tables, data), recipe.source)


def _with_packed(tables: Mapping[str, Any], data: Path) -> Tables:
    engine_keys = KINDS["dataset"].engine_keys.model_fields
    own = tables.get("data")
    unchanged = {key: own[key] for key in own if key in engine_keys} if isinstance(own, dict) else {}
    return {**tables, "data": {**unchanged, "type": "packed", "path": str(real_path(data))}}


def _with_earlier(
    tables: Tables, path: Path, preset: str | None, overrides: tuple[str, ...], above: tuple[Path, ...]
) -> Recipe:
    """Check tables, and read the earlier recipes that they name; `above` are the recipes that led to this one."""
    problems: list[str] = []
    chain = (*above, real_path(path))
    recipe, earlier = None, {}
    try:
        recipe = check_recipe(tables, str(path))
    except RecipeError as error:
        problems += error.problems
    for table, key in EARLIER_RUNS:
        value = tables[table].get(key) if isinstance(tables.get(table), dict) else None
        if not is_recipe(value):
            problems += [f"{path}: [{table}] {key} = {shown(value)}: {problem}" for problem in unknown_run(value)]
            continue
        if len(chain) == MAX_CHAIN and Path(value) not in chain:
            problems.append(
                f"{path}: [{table}] {key} = '{value}': more than {MAX_CHAIN} recipes build on each other: "
                f"{' -> '.join(recipe.name for recipe in chain)}; train the last ones, and name the folder of a run"
            )
            continue
        if Path(value) in chain:
            circle = " -> ".join(recipe.name for recipe in (*chain[chain.index(Path(value)) :], Path(value)))
            problems.append(f"{path}: [{table}] {key} = '{value}': circular reference: {circle}")
            continue
        try:
            below = _earlier_tables(Path(value), tables, preset, overrides, draft=table == "draft")
            earlier[f"{table}.{key}"] = _with_earlier(below, Path(value), preset, overrides, chain)
        except RecipeError as error:
            problems += error.problems
    if recipe is None or problems:
        raise RecipeError(*dict.fromkeys(problems))
    return replace(recipe, earlier=earlier)


def _earlier_tables(
    path: Path, above: Tables, preset: str | None, overrides: tuple[str, ...], *, draft: bool
) -> Tables:
    """Read the tables of an earlier recipe; corpus and seed are those of the recipe that names it."""
    tables = read_tables(path, preset, (), preset_may_lack=True)
    for override in overrides:
        if _applies_to_earlier(override, tables, above):
            tables = apply_override(tables, override)
    if isinstance(above.get("data"), dict):
        tables["data"] = dict(above["data"])
        if draft:
            default = DraftSettings.model_fields["image_pixels"].default
            tables["data"]["image_pixels"] = above["draft"].get("image_pixels", default)
    if "logger" in above:
        tables["logger"] = above["logger"]
    tables["run"] = {**above["run"], "name": tables.get("run", {}).get("name", default_run_name(path))}
    return tables


def _applies_to_earlier(override: str, tables: Tables, above: Tables) -> bool:
    """Return True for an override of a recipe (`above`) that applies to an earlier recipe (`tables`), too."""
    table, _, key = override.partition("=")[0].strip().partition(".")
    if table not in SHARED_OVERRIDES or table not in tables or (table, key) in OWN_OVERRIDES:
        return False
    if table != KINDS["matcher"].table or key in KINDS["matcher"].engine_keys.model_fields:
        return True
    own, other = tables.get(table), above.get(table)
    return isinstance(own, dict) and isinstance(other, dict) and own.get("type") == other.get("type")


def _refuse_shared_names(recipe: Recipe) -> None:
    """Refuse different recipes with one run name; earlier runs are stored beside the run, in folders of their names."""
    known, problems = {recipe.run.name: recipe}, []
    for _, earlier in recipe.earlier_recipes():
        name = earlier.run.name
        differing = differences(known.setdefault(name, earlier).values, earlier.values)
        if differing:
            problems.append(
                f"{recipe.source}: {known[name].source} and {earlier.source} have the same run name '{name}', but "
                f"differ in {', '.join(differing)}; give one of them another [run] name"
            )
    if problems:
        raise RecipeError(*problems)


def check_recipe(tables: Mapping[str, Any], source: str) -> Recipe:
    """Check merged tables.

    Args:
        tables: {table: its keys, or a list of tables}.
        source: the file, for error messages.
    Raises:
        RecipeError: the tables have problems; the error lists all of them.
    """
    problems = [f"{source}: [{name}] is missing" for name in REQUIRED_TABLES if name not in tables]
    known = {*ENGINE_TABLES, "judge", *(kind.table for kind in RECIPE_KINDS.values())}
    for name in tables:
        if name not in known:
            problems.append(f"{source}: [{name}] is not a table of a recipe{did_you_mean(name, known)}")
    configs = {kind.name: _check_kind(kind, tables, source, problems) for kind in RECIPE_KINDS.values()}
    judge = _check_judge(tables, source, problems)
    problems += repeated_metrics(configs["metric"], source)
    engine: dict[str, Any] = {}
    for name, model in ENGINE_TABLES.items():
        if name in OPTIONAL_TABLES and name not in tables:
            continue
        table = tables.get(name, {})
        if not isinstance(table, Mapping):
            problems.append(f"{source}: {name} must be a table, written [{name}]")
            continue
        checked, wrong = check_table(model, dict(table))
        problems += [f"{source}: [{name}] {problem}" for problem in wrong]
        engine[name] = checked
    problems += [*missing_tables(tables, source), *misplaced_draft(tables, configs["generator"], source)]
    problems += conflicting_starts(tables, source)
    problems += untrained_frozen_conditioners(next(iter(configs["matcher"]), None), configs["conditioner"], source)
    for matcher in configs["matcher"]:
        _recogniser_of(matcher, problems)
    if problems:
        raise RecipeError(*problems)
    return Recipe(
        source, tables, configs, engine["run"], engine.get("train"), engine["evaluate"], engine.get("draft"),
        judge=judge,
    )  # fmt: skip


def face_recogniser(recipe: Recipe) -> PartConfig | None:
    """Return the recogniser of [match.faces]; None if the match stage embeds faces by the discriminator."""
    matcher = recipe.optional_config("matcher")
    return None if matcher is None else _recogniser_of(matcher, [])


def _recogniser_of(matcher: PartConfig, problems: list[str]) -> PartConfig | None:
    faces = matcher.engine.faces
    return None if faces is None else _check_entry(KINDS["recogniser"], faces, f"{matcher.where[:-1]}.faces]", problems)


def check_config(kind: str, tables: Mapping[str, Any], source: str, problems: list[str]) -> PartConfig | None:
    """Check the table of one part, for callers other than recipes; return None if it is absent or wrong.

    Args:
        kind: a kind of which there is at most one part.
        tables: {table: its keys}.
        source: the file, for error messages.
        problems: receives the problems.
    """
    return next(iter(_check_kind(KINDS[kind], tables, source, problems)), None)


def _check_kind(
    kind: Kind, tables: Mapping[str, Any], source: str, problems: list[str], above: str = ""
) -> tuple[PartConfig, ...]:
    """Check the tables of a kind; `above` is the dotted name of the table around them, such as "judge."."""
    where = f"{above}{kind.table}"
    entries = _entries(kind, tables, source, where, problems)
    configs = [_check_entry(kind, entry, f"{source}: [{where}]", problems) for entry in entries]
    return tuple(config for config in configs if config is not None)


def _check_judge(tables: Mapping[str, Any], source: str, problems: list[str]) -> dict[str, tuple[PartConfig, ...]]:
    """Check [judge]: it may hold JUDGE_TABLES, and must hold those that training needs and the recipe lacks.

    Returns:
        {kind: its parts}
    """
    if "judge" not in tables:
        return {}
    judge = tables["judge"]
    if not isinstance(judge, dict):
        problems.append(f"{source}: judge = {shown(judge)}: must be a table of tables, such as [judge.match]")
        return {}
    for name in judge:
        if name not in JUDGE_TABLES:
            problems.append(f"{source}: [judge.{name}] is not a table of a judge{did_you_mean(name, JUDGE_TABLES)}")
    configs = {
        kind.name: _check_kind(kind, judge, source, problems, "judge.")
        for kind in RECIPE_KINDS.values()
        if kind.table in JUDGE_TABLES and kind.table in judge
    }
    for name in ("conditioner", "discriminator", "match"):
        if name not in tables and name not in judge:
            problems.append(f"{source}: [judge.{name}] is missing: the recipe has no [{name}] for the judge to use")
    match = judge.get("match")
    for key in ("run", "start"):
        if isinstance(match, dict) and key in match:
            problems.append(f"{source}: [judge.match] {key}: is not allowed for a judge; use [evaluate] judge_start")
    return configs


def _entries(
    kind: Kind, tables: Mapping[str, Any], source: str, where: str, problems: list[str]
) -> list[dict[str, Any]]:
    if kind.table not in tables:
        return [{"type": name} for name in default_parts(kind.name)]
    entries = tables[kind.table]
    if isinstance(entries, dict):
        return [entries]
    if not (isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)):
        problems.append(f"{source}: {where} = {shown(entries)}: must be a table, written [{where}]")
        return []
    if len(entries) == 1 and not kind.many:
        problems.append(f"{source}: [[{where}]] is a list of tables: must be a table, written [{where}]")
    if len(entries) > 1 and not kind.many:
        problems.append(f"{source}: [[{where}]] appears {len(entries)} times: at most one {kind.name} is allowed")
    return entries


def _check_entry(kind: Kind, entry: dict[str, Any], where: str, problems: list[str]) -> PartConfig | None:
    name = entry.get("type")
    if not isinstance(name, str):
        available = ", ".join(sorted(registry().parts[kind.name]))
        problems.append(f"{where} type = {shown(name)}: must be the name of a {kind.name}. Available: {available}")
        return None
    try:
        part = registry().find(kind.name, name)
        model = part.schema()
    except (PluginError, RecipeError) as error:
        problems += [f"{where} type = '{name}': {problem}" for problem in error.problems]
        return None
    engine_keys = kind.engine_keys.model_fields
    own = {key: value for key, value in entry.items() if key not in engine_keys and key != "type"}
    settings, wrong_settings = check_table(model, own, also=("type", *engine_keys))
    wrong_settings += oversized(model, own)
    engine, wrong_engine = check_table(kind.engine_keys, {key: entry[key] for key in entry if key in engine_keys})
    problems += [f"{where} {problem}" for problem in [*wrong_settings, *wrong_engine]]
    if settings is None or engine is None or wrong_settings:
        return None
    return PartConfig(part, settings_of(settings), engine, where)
