"""Merging of recipe tables: an extended recipe, a preset, and single keys of --set."""

import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, time
from typing import Any

from facegen.core.errors import RecipeError
from facegen.core.kinds import RECIPE_KINDS
from facegen.core.text.printable import is_utf8
from facegen.core.text.toml_text import parse_toml

Tables = dict[str, Any]
LISTED_TABLES = frozenset(kind.table for kind in RECIPE_KINDS.values() if kind.many)
"""Tables that may be lists, such as [[penalty]]."""


def merge_tables(below: Mapping[str, Any], above: Mapping[str, Any], source: str) -> Tables:
    """Merge tables key by key; values of `above` override those of `below`.

    A table with another `type` replaces the table below, because its keys have other meanings. A list replaces the
    value below. A single table above a list changes one entry: `{"r1": {...}}` the entry of type "r1", `{"0": {...}}`
    the first entry; plain keys change the entry of a list that has only one.

    Args:
        below, above: {table: its keys, or a list of tables}.
        source: origin of the tables above, for error messages.
    Raises:
        RecipeError: a single table matches no entry of a list, or several.
    """
    merged = dict(below)
    for name, table in above.items():
        present = below.get(name)
        if name == "preset" and isinstance(present, dict):
            changed = {preset: merge_tables(present.get(preset, {}), inner, source) for preset, inner in table.items()}
            merged[name] = {**present, **changed}
        elif name == "judge" and isinstance(present, dict) and isinstance(table, dict):
            merged[name] = merge_tables(present, table, source)
        elif name in LISTED_TABLES and isinstance(table, dict):
            merged[name] = _merge_entries(name, present, table, source)
        else:
            merged[name] = _merge(present, table) if name in below else table
    return merged


def parse_override(override: str) -> tuple[list[str], Any]:
    """Parse "table.key=value" into the parts of the dotted key, and the value.

    Key and value are TOML. A value that is not valid TOML is taken as a string, so that strings need no quotes inside
    the quotes of a shell; so is a date, because no setting has that type.

    Raises:
        RecipeError: the override has another form, or no value.
    """
    if not is_utf8(override):
        raise RecipeError(f"--set {override}: is not UTF-8 text, as a recipe is")
    key, separator, text = override.partition("=")
    names = list(_key_names(key)) if separator else []
    if len(names) < 2:
        raise RecipeError(f"--set {override}: must be TABLE.KEY=VALUE, such as train.batch_size=32")
    if not text.strip():
        raise RecipeError(f"--set {override}: has no value; write {key.strip()}='\"\"' for an empty string")
    try:
        parsed = parse_toml(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return names, text
    if len(parsed) > 1:
        raise RecipeError(f"--set {override}: must be one value; repeat --set for each key")
    value = parsed["value"]
    return names, text if isinstance(value, date | time) else value


def nested(names: list[str], value: Any) -> Tables:
    """Return nested tables with a value at a dotted key."""
    for name in reversed(names):
        value = {name: value}
    tables: Tables = value
    return tables


def describe_entries(table: str, entries: list[dict[str, Any]]) -> str:
    """Format the entries of a list of tables as --set addresses them."""
    return ", ".join(f"{table}.{position} ({entry.get('type')})" for position, entry in enumerate(entries))


def _key_names(key: str) -> Iterator[str]:
    try:
        tables: Any = parse_toml(f"{key.strip()} = 0")
    except tomllib.TOMLDecodeError:
        return
    while isinstance(tables, dict) and len(tables) == 1:
        ((name, tables),) = tables.items()
        yield name


def _merge_entries(table: str, below: Any, above: dict[str, Any], source: str) -> Any:
    entries = below if isinstance(below, list) else [below]
    is_partial = (
        isinstance(below, dict) and "type" not in below
    )  # a preset that is merged with the preset of an extended recipe
    if is_partial or not entries or not all(isinstance(entry, dict) for entry in entries):
        return above if below is None else _merge(below, above)
    addressed = _addressed(table, entries, above, source)
    own = {key: value for key, value in above.items() if key not in addressed}
    if len(entries) > 1 and "type" in own:
        return above
    if len(entries) > 1 and own:
        key, available = next(iter(own)), describe_entries(table, entries)
        if isinstance(own[key], dict):
            raise RecipeError(f"{source}: {table}.{key} does not exist; available: {available}")
        raise RecipeError(f"{source}: '{key}' is ambiguous: {table} is a list of {available}; write {table}.0.{key}")
    merged = [_merge(entry, own) for entry in entries] if own else list(entries)
    for key, position in addressed.items():
        merged[position] = _merge(merged[position], above[key])
    return merged if isinstance(below, list) else merged[0]


def _addressed(table: str, entries: list[dict[str, Any]], above: dict[str, Any], source: str) -> dict[str, int]:
    """Return {key: position of the entry that it addresses} of the keys that address an entry."""
    positions: dict[str, int] = {}
    for key, value in above.items():
        matches = [position for position, entry in enumerate(entries) if key in (str(position), entry.get("type"))]
        if not isinstance(value, dict) or not (matches or key.isdecimal()):
            continue
        if not matches:
            raise RecipeError(f"{source}: {table}.{key} does not exist; available: {describe_entries(table, entries)}")
        if len(matches) > 1:
            several = " and ".join(f"{table}.{position}" for position in matches)
            raise RecipeError(f"{source}: {table}.{key} is ambiguous: it matches {several}; write the position")
        if matches[0] in positions.values():
            raise RecipeError(f"{source}: {table}.{matches[0]} ({key}) is addressed twice, by type and by position")
        positions[key] = matches[0]
    return positions


def _merge(below: Any, above: Any) -> Any:
    """Merge two tables key by key; a table of another type replaces the one below."""
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
