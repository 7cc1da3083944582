"""JSON Schema of recipes, with every installed part, for editors and other programs."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from facegen.core.describe.docstrings import docstring_sections, section_entries
from facegen.core.errors import PluginError
from facegen.core.kinds import RECIPE_KINDS, Kind
from facegen.core.recipe.file import JUDGE_TABLES
from facegen.core.recipe.settings import settings_model
from facegen.core.recipe.tables import ENGINE_TABLES
from facegen.core.registry import registry

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
NEEDED = ("data",)


def recipe_schema() -> Schema:
    """Return the JSON Schema of recipe files; parts that cannot be imported are left out.

    A recipe that extends another one, and every preset, may have tables without a type and without required keys. Rules
    between tables and between settings are not expressed: `facegen check` reports those.
    """
    defs: Schema = {}
    whole: Schema = {name: _engine_table(model, defs) for name, model in ENGINE_TABLES.items()}
    partial = dict(whole)
    for kind in RECIPE_KINDS.values():
        parts = _parts(kind, defs)
        defs[kind.name] = _part_table(kind, parts)
        defs[f"{kind.name}_changes"] = _changed_table(kind, parts)
        changes, complete = {"$ref": f"#/$defs/{kind.name}_changes"}, {"$ref": f"#/$defs/{kind.name}"}
        partial[kind.table] = _one_or_several(changes) if kind.many else changes
        whole[kind.table] = _one_or_several(complete) if kind.many else complete
    judge = {"recipe": {"type": "string"}} | {name: partial[name] for name in JUDGE_TABLES}
    partial["judge"] = {"type": "object", "properties": judge, "additionalProperties": False}
    layout = {
        "extends": {"type": "string", "description": "Recipe that this one changes: a shipped one by name, or a file."},
        "without": {"type": "array", "items": {"type": "string"}, "description": "Tables of `extends` to leave out."},
        "preset": {"type": "object", "additionalProperties": _tables(partial)},
    }
    return {
        "$schema": DIALECT,
        "title": "facegen recipe",
        **_tables(partial | layout),
        "if": {"not": {"required": ["extends"]}},
        "then": {"properties": whole, "required": list(NEEDED)},
        "$defs": defs,
    }


def _tables(properties: Mapping[str, Schema]) -> Schema:
    return {"type": "object", "properties": dict(properties), "additionalProperties": False}


def _engine_table(model: type[BaseModel], defs: Schema) -> Schema:
    """Describe a table of the engine; none of its keys is needed in a preset, which changes single keys."""
    properties, _ = _properties(model, model, "Attributes", defs)
    return {**_tables(properties), "description": docstring_sections(model)[""]}


def _properties(
    model: type[BaseModel], documented: type, section: str, defs: Schema
) -> tuple[dict[str, Schema], list[str]]:
    """Return the schemas of a model's keys with their meanings, and the keys that it requires; collect its `$defs`."""
    schema = model.model_json_schema(ref_template="#/$defs/{model}")
    defs.update(schema.get("$defs", {}))
    meanings = section_entries(docstring_sections(documented).get(section, ""))
    properties = {}
    for name, own in schema.get("properties", {}).items():
        described = {key: value for key, value in own.items() if key != "title"}
        properties[name] = described | ({"description": meanings[name]} if meanings.get(name) else {})
    return properties, list(schema.get("required", []))


def _parts(kind: Kind, defs: Schema) -> dict[str, tuple[dict[str, Schema], list[str], str]]:
    """Return {name: (schemas of its keys with those of the engine, required keys, its sentence)} of a kind's parts."""
    engine, _ = _properties(kind.engine_keys, kind.engine_keys, "Attributes", defs)
    parts = {}
    for name, part in sorted(registry().parts[kind.name].items()):
        try:
            loaded = part.load()
            own, required = _properties(settings_model(loaded), loaded, "Settings", defs)
        except PluginError:
            continue
        sentence = docstring_sections(loaded)[""].split("\n\n")[0]
        parts[name] = ({**engine, **own}, required, " ".join(sentence.split()))
    return parts


def _part_table(kind: Kind, parts: Mapping[str, tuple[dict[str, Schema], list[str], str]]) -> Schema:
    """Describe a table that chooses a part: its keys follow from its type."""
    choices = [
        {
            "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
            "then": {**_tables({"type": {"description": sentence}, **properties}), "required": required},
        }
        for name, (properties, required, sentence) in parts.items()
    ]
    return {"type": "object", "properties": {"type": {"enum": list(parts)}}, "required": ["type"], "allOf": choices}


def _changed_table(kind: Kind, parts: Mapping[str, tuple[dict[str, Schema], list[str], str]]) -> Schema:
    """Describe a table that changes a part of another layer, whose type it need not repeat."""
    keys = sorted({key for properties, _, _ in parts.values() for key in properties})
    changes: Schema = {"type": "object", "properties": {"type": {"enum": list(parts)}}}
    if not kind.many:
        return {**changes, "propertyNames": {"enum": ["type", *keys]}}
    # Of several parts, one is named by its type or by its position: [preset.small.penalty.r1].
    entries = [*parts, *keys, "type"]
    return {**changes, "propertyNames": {"anyOf": [{"enum": sorted(set(entries))}, {"pattern": "^[0-9]+$"}]}}


def _one_or_several(table: Schema) -> Schema:
    return {"if": {"type": "array"}, "then": {"type": "array", "items": table}, "else": table}
