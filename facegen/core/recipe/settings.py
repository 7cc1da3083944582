"""Schema of a part's settings, made from its signature, and validation of TOML tables."""

import inspect
import json
from collections.abc import Iterable, Mapping
from datetime import date, time
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from facegen.core.errors import PluginError
from facegen.core.text.printable import is_utf8
from facegen.core.text.shown import cut
from facegen.core.text.suggest import did_you_mean

MAX_SIZE = 2**16
"""Largest batch, and largest integer of a part's table, unless the part declares another bound."""
MAX_ENTRIES = 256
"""Largest number of entries of a list in a part's table, such as the widths of layers."""
NO_SIZES = ("seed", "_steps", "_images")


@cache
def settings_model(part: type) -> type[BaseModel]:
    """Create the pydantic schema of a part from its keyword-only parameters, their annotations and defaults.

    Raises:
        PluginError: an annotation is missing, cannot be resolved, or is not a type that pydantic can validate; or a
            default does not have its setting's type.
    """
    named = f"{part.__module__}:{part.__qualname__}"
    config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, protected_namespaces=(), validate_default=True
    )  # fmt: skip
    try:
        hints = get_type_hints(part.__init__, include_extras=True)  # type: ignore[misc]
        fields: dict[str, Any] = {
            parameter.name: (
                _annotation(parameter.name, hints),
                ... if parameter.default is parameter.empty else parameter.default,
            )
            for parameter in inspect.signature(part).parameters.values()
            if parameter.kind is parameter.KEYWORD_ONLY
        }
        model = create_model(part.__name__, __config__=config, **fields)
        wrong = _wrong_defaults(model)
    except Exception as error:  # annotations are code, which may raise anything
        reason = (str(error) or type(error).__name__).splitlines()[0].split(". Set ")[0]
        raise PluginError(
            f"{named}: the annotations of its settings cannot be read ({reason}); "
            f"annotate every setting with a type that TOML can express{_place(part)}"
        ) from error
    if wrong:
        raise PluginError(f"{named}: its defaults are not valid: {'; '.join(wrong)}{_place(part)}")
    return model


def _wrong_defaults(model: type[BaseModel]) -> list[str]:
    try:
        model.model_validate_json("{}")
    except ValidationError as error:
        return [_explain(model, problem, ()) for problem in error.errors() if problem["type"] != "missing"]
    return []


def _place(part: type) -> str:
    try:
        return f" ({inspect.getfile(part)}:{inspect.getsourcelines(part)[1]})"
    except (OSError, TypeError):
        return ""


def _annotation(setting: str, hints: dict[str, Any]) -> Any:
    if setting not in hints:
        raise TypeError(f"setting '{setting}' has no annotation")
    return hints[setting]


def check_table(
    model: type[BaseModel], table: dict[str, Any], also: Iterable[str] = ()
) -> tuple[BaseModel | None, list[str]]:
    """Validate a TOML table; return the model and no problems, or None and one problem per key.

    The table is validated as JSON: pydantic's strict mode then accepts a list for a tuple and a string for a Path,
    which TOML lacks, and converts nothing else.

    Args:
        model: the schema.
        table: {key: value}.
        also: further keys that the table may have, for error messages.
    """
    unsupported = [f"{key} = {reason}" for key, value in table.items() if (reason := _unsupported(value))]
    if unsupported:
        return None, unsupported
    try:
        return model.model_validate_json(json.dumps(table, default=str)), []
    except ValidationError as error:
        return None, [
            _explain(model, problem, also) for problem in error.errors() if _is_of_the_kind_given(model, problem, table)
        ]


def _unsupported(value: Any) -> str:
    """Show a value of TOML that no setting can have, with the reason; "" for any other."""
    if _is_date(value):
        return f"{value}: dates are not supported; write a string, in quotes"
    if not is_utf8(json.dumps(value, ensure_ascii=False, default=str)):
        # A path of the command line: the recipe of a run could not hold it.
        return f"{cut(json.dumps(value, default=str))}: is not UTF-8; rename the file, or give a link to it"
    return ""


def oversized(model: type[BaseModel], table: dict[str, Any]) -> list[str]:
    """Explain integers of a part's table that no network could have as a size, before anything is allocated.

    A setting that declares an upper bound of its own is not checked here; nor are random seeds and durations, which
    end in the names of NO_SIZES.
    """
    problems = []
    for key, value in table.items():
        field = model.model_fields.get(key)
        if field is None or key.endswith(NO_SIZES) or any(hasattr(bound, "le") for bound in field.metadata):
            continue
        numbers = value if isinstance(value, list) else [value]
        if any(isinstance(number, int) and number > MAX_SIZE for number in numbers):
            problems.append(f"{key} = {cut(json.dumps(value))}: must be at most {MAX_SIZE}, as it is a size or a count")
        if len(numbers) > MAX_ENTRIES:
            problems.append(f"{key} has {len(numbers):,} entries; must have at most {MAX_ENTRIES}")
    return problems


def settings_of(checked: BaseModel) -> dict[str, Any]:
    """Return {key: value} of a validated model; nested models stay models."""
    return {name: getattr(checked, name) for name in type(checked).model_fields}


def _explain(model: type[BaseModel], problem: Any, also: Iterable[str]) -> str:
    location = problem["loc"]
    union = _table_of_union(model, location)
    if union is not None:
        location = (location[0], *location[2:])  # without the name of the member
    where = ".".join(str(part) for part in location)
    key = str(location[-1]) if location else ""
    if problem["type"] == "extra_forbidden":
        above = location[:-1]
        allowed = [*(union.model_fields if union else _keys_at(model, above)), *(() if above else also)]
        return f"{where} is not a key here{did_you_mean(key, allowed)}"
    if problem["type"] == "missing":
        return f"{where} is missing: it has no default"
    return f"{where} = {cut(json.dumps(problem['input'], default=str))}: {_sentence(problem['msg'])}"


def _table_of_union(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel] | None:
    """Return the table that a setting may be instead of a number (`float | Ramp`); None if it may not."""
    field = model.model_fields.get(str(location[0])) if location else None
    annotation = None if field is None else field.annotation
    is_union = get_origin(annotation) in (Union, UnionType)
    members = [member for member in get_args(annotation) if member is not type(None)] if is_union else []
    tables = [member for member in members if isinstance(member, type) and issubclass(member, BaseModel)]
    return tables[0] if tables and len(members) > 1 else None


def _is_of_the_kind_given(model: type[BaseModel], problem: Any, table: Mapping[str, Any]) -> bool:
    """Tell whether a problem is of the member of a union that was meant: a table, or the other one."""
    union = _table_of_union(model, problem["loc"])
    if union is None or len(problem["loc"]) == 1:
        return True
    return isinstance(table.get(str(problem["loc"][0])), Mapping) == (problem["loc"][1] == union.__name__)


def _is_date(value: Any) -> bool:
    return isinstance(value, date | time)


def _keys_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    for step in location:
        field = model.model_fields.get(str(step))
        if field is None or not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            return []
        model = field.annotation
    return list(model.model_fields)


def _sentence(message: str) -> str:
    message = message.removeprefix("Input should be ").removeprefix("Value error, ")
    return message if message.startswith(("must", "String", "Tuple", "List")) else f"must be {message}"
