"""Tables of a recipe laid over each other: those of an extended recipe, of a preset, and single keys of --set."""

import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, time
from typing import Any

from facegen.core.errors import RecipeError
from facegen.core.kinds import RECIPE_KINDS

Tables = dict[str, Any]
LISTED_TABLES = frozenset(kind.table for kind in RECIPE_KINDS.values() if kind.many)
"""Tables of which a recipe may have a list, such as [[penalty]]."""


def merge_tables(below: Mapping[str, Any], above: Mapping[str, Any], source: str) -> Tables:
    """Lay tables over those of a recipe, key by key.

    A table with another type replaces the one below, because its keys mean other things. A list replaces what is
    below. A single table over a list changes one entry: `{"r1": {...}}` the one of type "r1", `{"0": {...}}` the first,
    and keys that stand alone change the only entry.

    Args:
        below, above: {table: its keys, or a list of tables}.
        source: where the tables above come from, for error texts.
    Raises:
        RecipeError: a single table names no entry of a list, or more than one.
    """
    merged = dict(below)
    for name, table in above.items():
        there = below.get(name)
        if name == "preset" and isinstance(there, dict):
            changed = {preset: merge_tables(there.get(preset, {}), inner, source) for preset, inner in table.items()}
            merged[name] = {**there, **changed}
        elif name == "judge" and isinstance(there, dict) and isinstance(table, dict):
            merged[name] = merge_tables(there, table, source)
        elif name in LISTED_TABLES and isinstance(table, dict):
            merged[name] = _merge_entries(name, there, table, source)
        else:
            merged[name] = _merge(there, table) if name in below else table
    return merged


def parse_override(override: str) -> tuple[list[str], Any]:
    """The names of the key and the value of "table.key=value".

    Key and value have TOML's form. A value that is no TOML is a string, so that a shell's quotes need no quoting; so is
    a date, which no setting takes.

    Raises:
        RecipeError: it has another form, or no value.
    """
    key, separator, text = override.partition("=")
    names = list(_key_names(key)) if separator else []
    if len(names) < 2:
        raise RecipeError(f"--set {override}: must be TABLE.KEY=VALUE, such as train.batch_size=32")
    if not text.strip():
        raise RecipeError(f"--set {override}: has no value; write {key.strip()}='\"\"' for an empty string")
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return names, text
    if len(parsed) > 1:
        raise RecipeError(f"--set {override}: must be one value; repeat --set for each key")
    value = parsed["value"]
    return names, text if isinstance(value, date | time) else value


def nested(names: list[str], value: Any) -> Tables:
    """The tables in which a value stands under a dotted key."""
    for name in reversed(names):
        value = {name: value}
    tables: Tables = value
    return tables


def describe_entries(table: str, entries: list[dict[str, Any]]) -> str:
    """The entries of a list of tables, with the positions by which --set names them."""
    return ", ".join(f"{table}.{position} ({entry.get('type')})" for position, entry in enumerate(entries))


def _key_names(key: str) -> Iterator[str]:
    try:
        tables: Any = tomllib.loads(f"{key.strip()} = 0")
    except tomllib.TOMLDecodeError:
        return
    while isinstance(tables, dict) and len(tables) == 1:
        ((name, tables),) = tables.items()
        yield name


def _merge_entries(table: str, below: Any, above: dict[str, Any], source: str) -> Any:
    entries = below if isinstance(below, list) else [below]
    is_partial = isinstance(below, dict) and "type" not in below  # of a preset, itself laid over another recipe's
    if is_partial or not entries or not all(isinstance(entry, dict) for entry in entries):
        return above if below is None else _merge(below, above)
    addressed = _addressed(table, entries, above, source)
    own = {key: value for key, value in above.items() if key not in addressed}
    if len(entries) > 1 and "type" in own:
        return above
    if len(entries) > 1 and own:
        key, there = next(iter(own)), describe_entries(table, entries)
        if isinstance(own[key], dict):
            raise RecipeError(f"{source}: there is no {table}.{key}; there are {there}")
        raise RecipeError(f"{source}: '{key}' is a key of one table, and there are {there}; write {table}.0.{key}")
    merged = [_merge(entry, own) for entry in entries] if own else list(entries)
    for key, position in addressed.items():
        merged[position] = _merge(merged[position], above[key])
    return merged if isinstance(below, list) else merged[0]


def _addressed(table: str, entries: list[dict[str, Any]], above: dict[str, Any], source: str) -> dict[str, int]:
    """{key: position of the entry that it names}, for those keys that name one."""
    positions: dict[str, int] = {}
    for key, value in above.items():
        named = [place for place, entry in enumerate(entries) if key in (str(place), entry.get("type"))]
        if not isinstance(value, dict) or not (named or key.isdecimal()):
            continue
        if not named:
            raise RecipeError(f"{source}: there is no {table}.{key}; there are {describe_entries(table, entries)}")
        if len(named) > 1:
            several = " and ".join(f"{table}.{place}" for place in named)
            raise RecipeError(f"{source}: {table}.{key} is {several}; name one of them by its position")
        if named[0] in positions.values():
            raise RecipeError(f"{source}: names {table}.{named[0]} ({key}) twice, by its type and by its position")
        positions[key] = named[0]
    return positions


def _merge(below: Any, above: Any) -> Any:
    """Lay a table over another one, key by key; one of another type replaces it."""
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
