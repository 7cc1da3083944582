"""Differences between the recipe of a run and the recipe that it is resumed with, and which of them are allowed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from facegen.core.kinds import KINDS, RECIPE_KINDS
from facegen.core.recipe.part_config import Recipe
from facegen.core.recipe.schedule import Ramp
from facegen.core.recipe.tables import ENGINE_TABLES, OnResume

ALLOWED = "more steps, learning rates, weight decay, weights of penalties, ends of schedules, device and precision"
"""What a run may be resumed with, for messages."""


@dataclass(frozen=True)
class Change:
    """One value that differs.

    Attributes:
        key: as `--set` takes it, such as "train.steps" or "penalty.0.r1_gamma".
        before, after: plain values; None for a missing one.
        refusal: why a run may not be resumed with it; "" if it may.
    """

    key: str
    before: Any
    after: Any
    refusal: str = ""

    @property
    def table(self) -> str:
        """The table of the recipe."""
        return self.key.partition(".")[0]


def recipe_changes(before: Recipe, after: Recipe) -> list[Change]:
    """List what differs between two recipes, defaults included.

    Args:
        before: of the run.
        after: that it is resumed with.
    """
    # Loggers change nothing about the result: a run may be resumed with others.
    one, other = ({**recipe.values, "logger": None} for recipe in (before, after))
    changed = changed_values(one, other)
    ramps = {key for key in changed if _is_ramp(_at(one, key)) and _is_ramp(_at(other, key))}
    return [Change(key, *pair, refusal=_refusal(key, *pair, in_ramp=key in ramps)) for key, pair in changed.items()]


def changed_values(one: Any, other: Any, above: str = "") -> dict[str, tuple[Any, Any]]:
    """Return {dotted key: (value, other value)} of everything that differs; entries of a list count from 0."""
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other) and _all_tables([*one, *other]):
        one, other = ({str(number): entry for number, entry in enumerate(entries)} for entries in (one, other))
    if not (isinstance(one, Mapping) and isinstance(other, Mapping)):
        return {} if one == other else {above: (one, other)}
    changed: dict[str, tuple[Any, Any]] = {}
    for key in sorted({*one, *other}):
        changed |= changed_values(one.get(key), other.get(key), f"{above}.{key}" if above else key)
    return changed


def _all_tables(entries: list[Any]) -> bool:
    return all(isinstance(entry, Mapping) for entry in entries)


def _at(values: Any, key: str) -> Any:
    """Return the table that holds a dotted key."""
    for name in key.split(".")[:-1]:
        values = values[int(name)] if isinstance(values, list) else values.get(name, {})
    return values


def _refusal(key: str, before: Any, after: Any, *, in_ramp: bool) -> str:
    rule = _rule(key, before, after, in_ramp)
    if rule is None:
        return "must not change"
    if rule.only_more and after < before:
        return "may only become larger"
    return ""


def _rule(key: str, before: Any, after: Any, in_ramp: bool) -> OnResume | None:
    """Return the rule that allows a setting to change; None if there is none."""
    table, *names = [name for name in key.split(".") if not name.isdecimal()]
    models = [kind.engine_keys for kind in RECIPE_KINDS.values() if kind.table == table]
    field = _field(ENGINE_TABLES.get(table, *models), names)
    if field is not None:
        return next((entry for entry in field.metadata if isinstance(entry, OnResume)), None)
    is_weight = table == KINDS["penalty"].table and _is_number(before) and _is_number(after)
    is_end = in_ramp and names[-1] in ("end", "steps")
    return OnResume() if is_weight or is_end else None


def _field(model: type[BaseModel] | None, names: list[str]) -> FieldInfo | None:
    """Return the field of the engine at a dotted key; None for a setting of a part."""
    field = None
    for name in names:
        field = None if model is None else model.model_fields.get(name)
        annotation = None if field is None else field.annotation
        model = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
    return field


def _is_number(value: Any) -> bool:
    """Tell whether a value is a number, or a ramp between numbers."""
    return _is_ramp(value) or (isinstance(value, int | float) and not isinstance(value, bool))


def ramps_of(values: Any, above: str = "") -> dict[str, Ramp]:
    """Return the ramps among a recipe's values: {dotted key: ramp}."""
    if _is_ramp(values):
        return {above: Ramp(**values)}
    inner = enumerate(values) if isinstance(values, list) else values.items() if isinstance(values, Mapping) else ()
    ramps: dict[str, Ramp] = {}
    for name, value in inner:
        ramps |= ramps_of(value, f"{above}.{name}" if above else str(name))
    return ramps


def _is_ramp(value: Any) -> bool:
    return isinstance(value, Mapping) and {"start", "end"} <= value.keys() <= set(Ramp.model_fields)
