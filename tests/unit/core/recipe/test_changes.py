"""Differences of two recipes, and those that a run may be resumed with."""

from typing import Any

import pytest

from facegen.core.recipe.changes import recipe_changes
from facegen.core.recipe.recipe import check_recipe

TABLES: dict[str, Any] = {
    "data": {"type": "synthetic"},
    "conditioner": {"type": "one_hot"},
    "generator": {"type": "dcgan"},
    "discriminator": {"type": "projection"},
    "objective": {"type": "relid"},
    "penalty": [{"type": "r1", "r1_gamma": 1.0}, {"type": "r2"}],
    "match": {"type": "softmax"},
    "train": {"steps": 100, "generator": {"learning_rate": 1e-3}},
}
RAMP = {"start": 1.0, "end": 0.5, "steps": 10}


def changed(table: str, value: Any, below: dict[str, Any] = TABLES) -> dict[str, tuple[Any, Any, str]]:
    """{key: (before, after, refusal)} of a recipe whose table has another value."""
    before, after = check_recipe(below, "x.toml"), check_recipe({**below, table: value}, "x.toml")
    return {change.key: (change.before, change.after, change.refusal) for change in recipe_changes(before, after)}


@pytest.mark.parametrize(
    ("table", "value", "expected"),
    [
        ("train", {"steps": 101, "generator": {"learning_rate": 1e-3}}, {"train.steps": (100, 101, "")}),
        (
            "train", {"steps": 99, "generator": {"learning_rate": 1e-3}},
            {"train.steps": (100, 99, "may only become larger")},
        ),
        (
            "train", {"steps": 100, "generator": {"learning_rate": 1e-4, "learning_rate_end": 1e-5}},
            {"train.generator.learning_rate": (1e-3, 1e-4, ""), "train.generator.learning_rate_end": (None, 1e-5, "")},
        ),
        (
            "train", {"steps": 100, "batch_size": 8, "generator": {"learning_rate": 1e-3, "beta1": 0.5}},
            {
                "train.batch_size": (64, 8, "must not change"),
                "train.generator.beta1": (0.0, 0.5, "must not change"),
            },
        ),
        ("penalty", [{"type": "r1", "r1_gamma": 2.0}, {"type": "r2"}], {"penalty.0.r1_gamma": (1.0, 2.0, "")}),
        (
            "penalty", [{"type": "r1", "r1_gamma": RAMP}, {"type": "r2"}],
            {"penalty.0.r1_gamma": (1.0, {**RAMP, "begin_step": 0, "shape": "linear"}, "")},
        ),
        ("run", {"precision": "fp32", "device": "cpu"}, {"run.device": ("auto", "cpu", ""),
                                                         "run.precision": ("auto", "fp32", "")}),
        ("match", {"type": "softmax", "steps": 20000, "learning_rate": 0.5}, {"match.learning_rate": (0.01, 0.5, ""),
                                                                              "match.steps": (10000, 20000, "")}),
        ("generator", {"type": "dcgan", "width": 9}, {"generator.width": (64, 9, "must not change")}),
    ],
)  # fmt: skip
def test_what_may_change(table: str, value: Any, expected: dict[str, Any]) -> None:
    assert changed(table, value) == expected


def test_another_number_or_type_of_penalties_is_refused() -> None:
    for value in ([], [{"type": "r2"}, {"type": "r1", "r1_gamma": 1.0}]):
        differences = changed("penalty", value)
        assert differences and any(refusal for _, _, refusal in differences.values())


def test_only_ends_of_the_ramps_of_other_parts_may_change() -> None:
    ramp = {"type": "relid", "generator_identity_weight": RAMP}
    before = {**TABLES, "objective": ramp}
    for key, value, refusal in (("end", 0.1, ""), ("steps", 99, ""), ("start", 0.9, "must not change")):
        other = {"type": "relid", "generator_identity_weight": {**RAMP, key: value}}
        name = f"objective.0.generator_identity_weight.{key}"
        assert changed("objective", other, before) == {name: (RAMP[key], value, refusal)}
