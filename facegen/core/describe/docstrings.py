"""Descriptions of parts: sections of a docstring, and types, bounds and defaults of settings."""

import inspect
import json
import re
import types
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

SECTIONS = ("Engine", "Args", "Attributes", "Settings", "Shape", "Returns", "Raises", "Source")
_COMPARISONS = {
    annotated_types.Gt: ("gt", ">"),
    annotated_types.Ge: ("ge", ">="),
    annotated_types.Lt: ("lt", "<"),
    annotated_types.Le: ("le", "<="),
    annotated_types.MultipleOf: ("multiple_of", "multiple of"),
}


def docstring_sections(part: type) -> dict[str, str]:
    """Split a docstring into {section: text without indentation}; '' is the text before the first section."""
    sections: dict[str, list[str]] = {"": []}
    current = ""
    for line in inspect.cleandoc(part.__doc__ or "").splitlines():
        name = line.rstrip().removesuffix(":")
        if line.rstrip().endswith(":") and name in SECTIONS:
            current = name
            sections[current] = []
        else:
            sections[current].append(line)
    return {name: inspect.cleandoc("\n".join(["", *lines])) for name, lines in sections.items()}


def section_entries(text: str) -> dict[str, str]:
    """Read the entries `name: meaning` of a section; `one, other: meaning` counts for both."""
    entries: dict[str, str] = {}
    names: list[str] = []
    for line in text.splitlines():
        head = re.match(r"(\w+(?:, *\w+)*): *(.*)", line)
        if head:
            names = re.split(r", *", head[1])
            entries |= dict.fromkeys(names, head[2])
        else:
            entries |= {name: f"{entries[name]} {line.strip()}".strip() for name in names}
    return entries


@dataclass(frozen=True)
class SettingRow:
    """Description of one key of a recipe table.

    Attributes:
        name: the key.
        type: type of its value.
        bounds: such as "> 0, <= 1".
        default: as TOML; "" for None, which TOML cannot express; None when the key is required.
        meaning: from the docstring.
    """

    name: str
    type: str
    bounds: str
    default: str | None
    meaning: str


def setting_rows(model: type[BaseModel], meanings: Mapping[str, str]) -> list[SettingRow]:
    """Describe the keys of a schema, in order; those of an inner table have dotted names, as in TOML."""
    rows: list[SettingRow] = []
    for name, field in model.model_fields.items():
        if isinstance(field.default, BaseModel) and type(field.default) is field.annotation:
            inner = type(field.default)
            inner_rows = setting_rows(inner, section_entries(docstring_sections(inner).get("Attributes", "")))
            rows += [replace(row, name=f"{name}.{row.name}") for row in inner_rows]
            continue
        default = None if field.is_required() else toml_value(field.default)
        type_and_bounds = type_text(field.annotation), bounds_text(field.metadata)
        rows.append(SettingRow(name, *type_and_bounds, default, meanings.get(name, "")))
    return rows


def type_text(annotation: Any) -> str:
    """Format a type for authors of recipes."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return f"{type_text(args[0])} {bounds_text(args[1:])}".strip()
    if origin is Literal:
        return " | ".join(json.dumps(value) for value in args)
    if origin in (Union, types.UnionType):
        return " | ".join(type_text(arg) for arg in args if arg is not types.NoneType)
    if origin is tuple and not (len(args) == 2 and args[1] is Ellipsis):
        return f"[{', '.join(type_text(arg) for arg in args)}]"
    if origin in (tuple, list):
        return f"list of {type_text(args[0])}"
    if origin is dict:
        return f"table of {type_text(args[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "{ " + ", ".join(annotation.model_fields) + " }"
    names = {str: "string", Path: "path"}
    return names.get(annotation, getattr(annotation, "__name__", str(annotation)))


def bounds_text(metadata: Any) -> str:
    """Format the bounds of a value, from the metadata of its annotation."""
    texts = []
    for item in metadata:
        if isinstance(item, FieldInfo):
            texts.append(bounds_text(item.metadata))
        elif type(item) in _COMPARISONS:
            attribute, sign = _COMPARISONS[type(item)]
            texts.append(f"{sign} {getattr(item, attribute):g}")
        elif isinstance(item, annotated_types.MinLen):
            texts.append(f"at least {item.min_length} long")
        elif isinstance(item, annotated_types.MaxLen):
            texts.append(f"at most {item.max_length} long")
        elif getattr(item, "pattern", None):
            texts.append(f"matches {item.pattern}")
    return ", ".join(filter(None, texts))


def toml_value(value: Any) -> str:
    """Format a value as TOML; '' for None, which TOML cannot express."""
    if value is None or value is PydanticUndefined:
        return ""
    if isinstance(value, BaseModel):
        value = value.model_dump()
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key} = {toml_value(item)}" for key, item in value.items() if item is not None)
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(toml_value(item) for item in value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | Path):
        return json.dumps(str(value), ensure_ascii=False)
    return repr(value)
