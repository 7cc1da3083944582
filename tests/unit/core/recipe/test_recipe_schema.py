"""JSON Schema of recipes: it accepts what facegen accepts, and refuses what facegen refuses."""

import json
import tomllib
from typing import Any

import pytest
from click.testing import CliRunner

from facegen.cli.schema import command
from facegen.core.kinds import RECIPE_KINDS
from facegen.core.recipe.recipe_schema import recipe_schema
from facegen.core.recipe.shipped import shipped_recipes
from facegen.core.registry import registry

SCHEMA = recipe_schema()
GOOD = """
[data]
type = "synthetic"
num_people = 8

[conditioner]
type = "one_hot"

[discriminator]
type = "projection"

[match]
type = "softmax"
"""


@pytest.fixture(scope="module")
def validator() -> Any:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    return jsonschema.Draft202012Validator(SCHEMA)


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_shipped_recipe_is_valid(name: str, validator: Any) -> None:
    tables = tomllib.loads(shipped_recipes()[name].read_text(encoding="utf-8"))
    assert [error.message for error in validator.iter_errors(tables)] == []


@pytest.mark.parametrize("text", [
    GOOD,
    GOOD + '[[logger]]\ntype = "csv"\n[[logger]]\ntype = "tensorboard"',
    "logger = []\n" + GOOD,
    GOOD + '[penalty]\ntype = "r1"\nr1_gamma = { start = 2.0, end = 0.2, steps = 1000 }',
    GOOD + "[preset.small.match]\nsteps = 5\n[preset.small.penalty.r1]\nr1_gamma = 1",
    'extends = "speech_relid"\nwithout = ["penalty"]\n[match]\nsteps = 3',
])  # fmt: skip
def test_valid_recipes(text: str, validator: Any) -> None:
    assert [error.message for error in validator.iter_errors(tomllib.loads(text))] == []


@pytest.mark.parametrize("text, path, message", [
    (GOOD + "[trian]", [], "'trian' was unexpected"),
    ('[match]\ntype = "softmax"', [], "'data' is a required property"),
    (GOOD + "[train]\nstep = 3", ["train"], "'step' was unexpected"),
    (GOOD + "[train]\nsteps = 0", ["train", "steps"], "0 is less than the minimum of 1"),
    (GOOD + '[train]\nsteps = "3"', ["train", "steps"], "'3' is not of type 'integer'"),
    (GOOD + '[objective]\ntype = "relativistc"', ["objective", "type"], "'relativistc' is not one of"),
    (GOOD + "[objective]\nmargin = 1", ["objective"], "'type' is a required property"),
    (GOOD + '[[penalty]]\ntype = "r1"\nr1_gama = 1', ["penalty", 0], "'r1_gama' was unexpected"),
    (GOOD.replace("num_people = 8", "num_people = 8.5"), ["data", "num_people"], "8.5 is not of type 'integer'"),
    (GOOD.replace("num_people", "path"), ["data"], "'path' was unexpected"),
    (GOOD + "[preset.small.match]\nstepps = 5", ["preset", "small", "match"], "'stepps' is not one of"),
])  # fmt: skip
def test_invalid_recipes(text: str, path: list[Any], message: str, validator: Any) -> None:
    errors = list(validator.iter_errors(tomllib.loads(text)))
    assert any(list(error.absolute_path) == path and message in error.message for error in errors), errors


def test_every_part_and_every_meaning_is_there() -> None:
    for kind in RECIPE_KINDS.values():
        built_in = [name for name, part in registry().parts[kind.name].items() if part.source.package == "facegen"]
        assert set(built_in) <= set(SCHEMA["$defs"][kind.name]["properties"]["type"]["enum"])
    assert SCHEMA["properties"]["train"]["properties"]["steps"]["description"] == "number of generator steps."
    text = json.dumps(SCHEMA["$defs"]["penalty"])
    assert "every_steps" in text and "r1_gamma" in text


def test_the_command_prints_it() -> None:
    assert json.loads(CliRunner().invoke(command).stdout) == json.loads(json.dumps(SCHEMA))
