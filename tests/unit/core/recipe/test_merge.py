"""One table of a list is addressed by type or position, by --set, by presets and by recipes that extend another."""

import copy

import pytest

from facegen.core.errors import RecipeError
from facegen.core.recipe.file import apply_override
from facegen.core.recipe.merge import merge_tables, parse_override

BELOW = {
    "generator": {"type": "adain", "width": 8},
    "penalty": [{"type": "r1", "r1_gamma": 1.0}, {"type": "r2", "r2_gamma": 2.0}],
    "objective": [{"type": "relid", "form": "joint"}],
    "metric": [{"type": "retrieval"}, {"type": "matching"}, {"type": "retrieval", "max_gallery": 10}],
    "conditioner": {"type": "one_hot"},
}


def laid(*overrides: str) -> dict:
    tables = copy.deepcopy(BELOW)
    for override in overrides:
        tables = apply_override(tables, override)
    return tables


@pytest.mark.parametrize(
    ("override", "table", "expected"),
    [
        ("penalty.r2.r2_gamma=5", "penalty", [BELOW["penalty"][0], {"type": "r2", "r2_gamma": 5}]),
        ("penalty.0.r1_gamma=3", "penalty", [{"type": "r1", "r1_gamma": 3}, BELOW["penalty"][1]]),
        ("penalty.1.r2_gamma=4", "penalty", [BELOW["penalty"][0], {"type": "r2", "r2_gamma": 4}]),
        # Another type replaces the one entry, as its keys mean other things.
        ("penalty.1.type=weight_clip", "penalty", [BELOW["penalty"][0], {"type": "weight_clip"}]),
        ("metric.2.max_gallery=7", "metric", [*BELOW["metric"][:2], {"type": "retrieval", "max_gallery": 7}]),
        ("metric.matching.seed=2", "metric",
         [BELOW["metric"][0], {"type": "matching", "seed": 2}, BELOW["metric"][2]]),
        # A list of one table needs no address, and takes one.
        ("objective.form=separate", "objective", [{"type": "relid", "form": "separate"}]),
        ("objective.relid.form=separate", "objective", [{"type": "relid", "form": "separate"}]),
        ("objective.0.form=separate", "objective", [{"type": "relid", "form": "separate"}]),
        # [conditioner] is the same as one [[conditioner]], and stays what it is.
        ("conditioner.one_hot.form=plain", "conditioner", {"type": "one_hot", "form": "plain"}),
        ("conditioner.0.form=plain", "conditioner", {"type": "one_hot", "form": "plain"}),
        # A table as a value is none of the list, where no entry has that type.
        ("objective.weight.start=2", "objective", [{"type": "relid", "form": "joint", "weight": {"start": 2}}]),
        ("generator.width=4", "generator", {"type": "adain", "width": 4}),
    ],
)  # fmt: skip
def test_one_table_is_changed_and_no_other(override, table, expected):
    tables = laid(override)
    assert tables[table] == expected
    assert {name: tables[name] for name in tables if name != table} == {n: BELOW[n] for n in BELOW if n != table}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("penalty.2.r1_gamma=1", "penalty.2 does not exist; available: penalty.0 (r1), penalty.1 (r2)"),
        ("penalty.r3.r1_gamma=1", "penalty.r3 does not exist; available: penalty.0 (r1), penalty.1 (r2)"),
        ("objective.1.form=joint", "objective.1 does not exist; available: objective.0 (relid)"),
        ("conditioner.1.form=plain", "conditioner.1 does not exist; available: conditioner.0 (one_hot)"),
        ("metric.retrieval.max_gallery=5",
         "metric.retrieval is ambiguous: it matches metric.0 and metric.2; write the position"),
        ("penalty.r1_gamma=1",
         "'r1_gamma' is ambiguous: penalty is a list of penalty.0 (r1), penalty.1 (r2); write penalty.0.r1_gamma"),
    ],
)  # fmt: skip
def test_a_missing_or_ambiguous_table_is_refused_with_the_available_ones(override, message):
    with pytest.raises(RecipeError) as raised:
        laid(override)
    assert str(raised.value) == f"--set {override}: {message}"


def test_the_last_of_two_spellings_of_one_key_counts():
    assert laid("penalty.0.r1_gamma=3", "penalty.r1.r1_gamma=4")["penalty"][0]["r1_gamma"] == 4
    assert laid("penalty.r1.r1_gamma=4", "penalty . 0 . r1_gamma=3")["penalty"][0]["r1_gamma"] == 3
    assert laid('penalty."r1".r1_gamma=4')["penalty"][0]["r1_gamma"] == 4
    with pytest.raises(RecipeError, match=r"x\.toml: penalty\.0 \(0\) is addressed twice, by type and by position"):
        merge_tables(BELOW, {"penalty": {"r1": {"r1_gamma": 1}, "0": {"r1_gamma": 2}}}, "x.toml")


def test_a_list_or_a_table_with_a_type_replaces_several():
    assert merge_tables(BELOW, {"penalty": [{"type": "r2"}]}, "")["penalty"] == [{"type": "r2"}]
    assert merge_tables(BELOW, {"penalty": {"type": "r2"}}, "")["penalty"] == {"type": "r2"}


def test_presets_of_two_recipes_are_merged_by_the_same_rule():
    below = {"preset": {"small": {"penalty": BELOW["penalty"], "train": {"steps": 3}}, "other": {}}}
    above = {"preset": {"small": {"penalty": {"r2": {"r2_gamma": 9}}}, "new": {"run": {"seed": 1}}}}
    assert merge_tables(below, above, "")["preset"] == {
        "small": {"penalty": [BELOW["penalty"][0], {"type": "r2", "r2_gamma": 9}], "train": {"steps": 3}},
        "other": {},
        "new": {"run": {"seed": 1}},
    }
    partial = {"preset": {"small": {"objective": {"form": "separate"}}}}
    above = {"preset": {"small": {"objective": {"margin": 2}}}}
    assert merge_tables(partial, above, "")["preset"]["small"] == {"objective": {"form": "separate", "margin": 2}}


def test_the_conditioners_of_a_judge_are_addressed_too():
    tables = {"judge": {"conditioner": [{"type": "mfcc"}, {"type": "one_hot"}], "recipe": "a.toml"}}
    judge = apply_override(tables, "judge.conditioner.one_hot.form=plain")["judge"]
    assert judge == {"conditioner": [{"type": "mfcc"}, {"type": "one_hot", "form": "plain"}], "recipe": "a.toml"}


@pytest.mark.parametrize(
    ("override", "names", "value"),
    [
        ("train.steps=1_000", ["train", "steps"], 1000),
        ("train.steps=1e3", ["train", "steps"], 1000.0),
        ("a.b=c=d", ["a", "b"], "c=d"),
        ("a.b=True", ["a", "b"], "True"),
        ("a.b=''", ["a", "b"], ""),
        ("a.b=5  # five", ["a", "b"], 5),
        ("data.path=2024-05-06", ["data", "path"], "2024-05-06"),
        ("a.b.c=[1, 2]", ["a", "b", "c"], [1, 2]),
    ],
)
def test_values_are_toml_or_else_strings(override, names, value):
    parsed = parse_override(override)
    assert parsed == (names, value) and type(parsed[1]) is type(value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("a.b=", "has no value; write a.b='\"\"' for an empty string"),
        ("a.b=  ", "has no value"),
        ("a.b=1\nc = 2", "must be one value"),
        ("a..b=1", "must be TABLE.KEY=VALUE"),
        ("a b.c=1", "must be TABLE.KEY=VALUE"),
        ("=1", "must be TABLE.KEY=VALUE"),
    ],
)
def test_malformed_keys_and_values_are_refused(override, message):
    with pytest.raises(RecipeError) as raised:
        parse_override(override)
    assert message in str(raised.value) and str(raised.value).startswith(f"--set {override}")
