"""Recipes: TOML files that say which parts make a run, checked in full before anything is built."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facegen.core.errors import PluginError, RecipeError
from facegen.core.kinds import KINDS, Kind
from facegen.core.registry import Part, registry
from facegen.core.settings import check_table, settings_model, settings_of
from facegen.core.suggest import did_you_mean
from facegen.core.tables import EvaluateSettings, RunSettings, Table, TrainSettings

ENGINE_TABLES: dict[str, type[Table]] = {"run": RunSettings, "train": TrainSettings, "evaluate": EvaluateSettings}
REQUIRED_TABLES = ("data",)
DEFAULT_METRICS = ("matching", "diversity", "frechet")


@dataclass(frozen=True)
class Choice:
    """A part that a recipe chose, with its settings.

    Attributes:
        part: which one.
        settings: its keyword-only arguments.
        engine: the keys of its table that the engine reads.
        where: file and table, for error texts.
    """

    part: Part
    settings: Mapping[str, Any]
    engine: Any
    where: str

    @property
    def name(self) -> str:
        """The part's name in the recipe."""
        return self.part.name

    def build(self, *supplied: Any) -> Any:
        """The part, from what the engine supplies and its own settings.

        Raises:
            RecipeError: the part refuses its settings; the table is named.
        """
        try:
            return self.part.load()(*supplied, **self.settings)
        except RecipeError as error:
            raise RecipeError(*(f"{self.where} {problem}" for problem in error.problems)) from error


@dataclass(frozen=True)
class Recipe:
    """A checked recipe.

    Attributes:
        source: the file it came from.
        tables: what it says, presets and overrides applied; what a run folder keeps.
        choices: the parts by kind, in order; an empty tuple where there is none.
        run, train, evaluate: the engine's tables; `train` is None in a recipe that only matches.
    """

    source: str
    tables: Mapping[str, Any]
    choices: Mapping[str, tuple[Choice, ...]]
    run: RunSettings
    train: TrainSettings | None
    evaluate: EvaluateSettings

    def one(self, kind: str) -> Choice | None:
        """The part of a kind that a recipe has at most one of."""
        return next(iter(self.choices[kind]), None)

    def chosen(self, kind: str) -> Choice:
        """The part of a kind that this recipe cannot do without.

        Raises:
            RecipeError: there is none.
        """
        choice = self.one(kind)
        if choice is None:
            raise RecipeError(f"{self.source}: [{KINDS[kind].table}] is missing: it chooses the {kind}")
        return choice


def read_recipe(
    path: Path, *, preset: str | None = None, overrides: Iterable[str] = (), data: Path | None = None
) -> Recipe:
    """Read, merge and check a recipe.

    Args:
        path: the TOML file.
        preset: name of one of its [preset.*] tables, laid over it.
        overrides: "table.key=value" pairs, the value in TOML's own form, laid over that.
        data: a packed corpus that replaces the recipe's own.
    Raises:
        RecipeError: every problem that was found.
        PluginError: a part that it names is broken.
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
    if preset is not None:
        if preset not in presets:
            raise RecipeError(f"{path}: preset '{preset}' is not in the recipe{did_you_mean(preset, presets)}")
        tables = _merge(tables, presets[preset])
    for override in overrides:
        tables = _merge(tables, _parse_override(override))
    if data is not None:
        engine_keys = KINDS["dataset"].engine_keys.model_fields
        given = tables.get("data")
        kept = {key: given[key] for key in given if key in engine_keys} if isinstance(given, dict) else {}
        tables["data"] = {**kept, "type": "packed", "path": str(data.resolve())}
    tables.setdefault("run", {}).setdefault("name", path.stem)
    return check_recipe(tables, str(path))


def with_data(recipe: Recipe, data: Path) -> Recipe:
    """The same recipe on a packed corpus."""
    return check_recipe(_with_packed(recipe.tables, data), recipe.source)


def _with_packed(tables: Mapping[str, Any], data: Path) -> dict[str, Any]:
    engine_keys = KINDS["dataset"].engine_keys.model_fields
    kept = {key: value for key, value in tables.get("data", {}).items() if key in engine_keys}
    return {**tables, "data": {**kept, "type": "packed", "path": str(data.resolve())}}


def check_recipe(tables: Mapping[str, Any], source: str) -> Recipe:
    """Check merged tables.

    Raises:
        RecipeError: every problem that was found.
    """
    problems = [f"{source}: [{name}] is missing" for name in REQUIRED_TABLES if name not in tables]
    known = {*ENGINE_TABLES, *(kind.table for kind in KINDS.values())}
    for name in tables:
        if name not in known:
            problems.append(f"{source}: [{name}] is not a table of a recipe{did_you_mean(name, known)}")
    choices: dict[str, tuple[Choice, ...]] = {}
    for kind in KINDS.values():
        found = [_check_choice(kind, entry, source, problems) for entry in _entries(kind, tables, source, problems)]
        choices[kind.name] = tuple(choice for choice in found if choice is not None)
    engine: dict[str, Any] = {}
    for name, model in ENGINE_TABLES.items():
        checked, wrong = check_table(model, dict(tables.get(name, {})))
        problems += [f"{source}: [{name}] {problem}" for problem in wrong]
        engine[name] = checked
    problems += _missing_tables(tables, source)
    if problems:
        raise RecipeError(*problems)
    train = engine["train"] if "train" in tables else None
    return Recipe(source, tables, choices, engine["run"], train, engine["evaluate"])


def _missing_tables(tables: Mapping[str, Any], source: str) -> list[str]:
    needed = ["generator", "discriminator", "objective"] if "train" in tables else []
    needed += ["conditioner"] if {"train", "match"} & set(tables) else []
    missing = [f"{source}: [{name}] is missing: training needs one" for name in needed if name not in tables]
    if "train" not in tables and "match" not in tables:
        missing.append(f"{source}: neither [train] nor [match]: there is nothing to train")
    return missing


def _entries(kind: Kind, tables: Mapping[str, Any], source: str, problems: list[str]) -> list[dict[str, Any]]:
    if kind.table not in tables:
        return [{"type": name} for name in DEFAULT_METRICS] if kind.name == "metric" else []
    entries = tables[kind.table]
    if isinstance(entries, dict):
        return [entries]
    if not (isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)):
        problems.append(f"{source}: {kind.table} = {entries!r}: must be a table, written [{kind.table}]")
        return []
    if len(entries) > 1 and not kind.many:
        problems.append(f"{source}: [[{kind.table}]] appears {len(entries)} times: there is one {kind.name} at most")
    return entries


def _check_choice(kind: Kind, entry: dict[str, Any], source: str, problems: list[str]) -> Choice | None:
    where = f"{source}: [{kind.table}]"
    name = entry.get("type")
    if not isinstance(name, str):
        available = ", ".join(sorted(registry().parts[kind.name]))
        problems.append(f"{where} type = {name!r}: must be the name of a {kind.name}. Available: {available}")
        return None
    try:
        part = registry().find(kind.name, name)
        model = settings_model(part.load())
    except (PluginError, RecipeError) as error:
        problems += [f"{where} type = '{name}': {problem}" for problem in error.problems]
        return None
    engine_keys = kind.engine_keys.model_fields
    own = {key: value for key, value in entry.items() if key not in engine_keys and key != "type"}
    settings, wrong_settings = check_table(model, own, also=("type", *engine_keys))
    engine, wrong_engine = check_table(kind.engine_keys, {key: entry[key] for key in entry if key in engine_keys})
    problems += [f"{where} {problem}" for problem in [*wrong_settings, *wrong_engine]]
    if settings is None or engine is None:
        return None
    return Choice(part, settings_of(settings), engine, where)


def _without(names: Any, tables: dict[str, Any], path: Path) -> dict[str, Any]:
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


def _read(path: Path) -> dict[str, Any]:
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
    return tables


def _parse_override(override: str) -> dict[str, Any]:
    key, separator, value = override.partition("=")
    if not separator or "." not in key:
        raise RecipeError(f"--set {override}: must be TABLE.KEY=VALUE, such as train.batch_size=32")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value  # a bare word is a string, so that a shell's quotes need no quoting
    for name in reversed(key.strip().split(".")):
        parsed = {name: parsed}
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
