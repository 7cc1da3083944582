"""A part's signature is the schema of its table, and a strict one."""

import os
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from facegen.core.recipe.schedule import Ramp
from facegen.core.recipe.settings import MAX_SIZE, check_table, settings_model, settings_of
from facegen.core.recipe.tables import MatchSettings, TrainSettings


class Part:
    def __init__(
        self,
        data: object,
        *,
        path: Path,
        width: Annotated[int, Field(gt=0)] = 8,
        weight: Annotated[float, Field(ge=0)] | Ramp = 1.0,
        sizes: tuple[int, ...] = (1, 2),
        pair: tuple[int, int] = (0, 1),
        mode: Literal["sum", "mean"] = "sum",
        flag: bool = False,
        model_name: str | None = None,
    ) -> None: ...


MODEL = settings_model(Part)


def check(**table):
    checked, problems = check_table(MODEL, {"path": "a/b", **table}, also=("type", "trained"))
    return (settings_of(checked) if checked else None), problems


def test_positional_parameters_are_no_settings():
    assert list(MODEL.model_fields) == ["path", "width", "weight", "sizes", "pair", "mode", "flag", "model_name"]
    assert settings_model(Part) is MODEL


def test_toml_values_fill_the_types_of_the_signature():
    settings, problems = check(sizes=[3, 4, 5], pair=[6, 7], width=2, model_name="x")
    assert problems == []
    assert settings["path"] == Path("a/b") and settings["sizes"] == (3, 4, 5) and settings["pair"] == (6, 7)
    assert settings["weight"] == 1.0 and settings["mode"] == "sum" and settings["model_name"] == "x"


def test_an_integer_may_fill_a_float():
    settings, problems = check(weight=2)
    assert (settings["weight"], type(settings["weight"]), problems) == (2.0, float, [])


def test_a_ramp_is_a_table_inside_the_table():
    settings, problems = check(weight={"start": 2.0, "end": 0.2, "steps": 10})
    assert problems == [] and settings["weight"] == Ramp(start=2.0, end=0.2, steps=10)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"start": 1.0, "stop": 2.0}, [
            "weight.end is missing: it has no default",
            "weight.stop is not a key here; did you mean 'steps'? Available: begin_step, end, shape, start, steps",
        ]),
        ({"start": 1.0, "end": 2.0, "steps": 0}, ["weight.steps = 0: must be greater than or equal to 1"]),
        ("x", ['weight = "x": must be a valid number']),
        (-1.0, ["weight = -1.0: must be greater than or equal to 0"]),
    ],
)  # fmt: skip
def test_problems_of_a_number_or_ramp_are_of_the_one_that_was_meant(value, expected):
    assert check(weight=value)[1] == expected


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("width", True, "width = true: must be a valid integer"),
        ("width", 8.0, "width = 8.0: must be a valid integer"),
        ("width", "8", 'width = "8": must be a valid integer'),
        ("width", 0, "width = 0: must be greater than 0"),
        ("flag", 1, "flag = 1: must be a valid boolean"),
        ("mode", "max", "mode = \"max\": must be 'sum' or 'mean'"),
        ("sizes", [1, "2"], 'sizes.1 = "2": must be a valid integer'),
        ("sizes", 3, "sizes = 3: must be a valid array"),
        ("model_name", 5, "model_name = 5: must be a valid string"),
    ],
)
def test_nothing_else_is_converted(key, value, problem):
    settings, problems = check(**{key: value})
    assert settings is None and problems == [problem]


def test_wrong_lengths_are_reported():
    assert any("pair" in problem for problem in check(pair=[1])[1])


def test_the_message_about_an_unknown_key_suggests_keys_of_part_and_engine():
    (problem,) = check(widht=3)[1]
    assert problem.startswith("widht is not a key here; did you mean 'width'? Available: flag, mode, model_name, pair")
    (problem,) = check(traind="frozen")[1]
    assert "did you mean 'trained'?" in problem


def test_a_required_key_is_named():
    checked, problems = check_table(MODEL, {})
    assert checked is None and problems == ["path is missing: it has no default"]


def test_all_problems_are_reported_at_once():
    problems = check_table(MODEL, {"width": 0, "mod": "sum", "flag": 1})[1]
    assert [problem.split()[0] for problem in problems] == ["path", "width", "flag", "mod"]


def test_the_message_about_a_key_of_an_inner_table_suggests_keys_of_that_table():
    problems = check_table(TrainSettings, {"generator": {"learningrate": 1e-3}})[1]
    (problem,) = problems
    assert problem.startswith("generator.learningrate is not a key here; did you mean 'learning_rate'?")
    assert "batch_size" not in problem



def test_a_part_without_an_init_of_its_own_has_no_settings():
    assert settings_model(type("Bare", (), {})).model_fields == {}


@pytest.mark.parametrize("number", ["inf", "nan"])
def test_a_number_that_is_not_finite_is_refused(number):
    _, problems = check(weight=float(number))
    assert problems and "finite" in problems[0]


def test_a_path_that_is_not_utf8_is_named():
    model, problems = check_table(settings_model(Part), {"path": os.fsdecode(b"/c\xff")})
    assert model is None
    assert problems == ['path = "/c\\udcff": is not UTF-8; rename the file, or give a link to it']


@pytest.mark.parametrize("table", [MatchSettings, TrainSettings])
def test_a_batch_has_a_bound_so_that_nothing_is_listed_for_a_trillion_rows(table):
    assert check_table(table, {"batch_size": MAX_SIZE})[1] == []
    assert check_table(table, {"batch_size": 10**12})[1] == [
        "batch_size = 1000000000000: must be less than or equal to 65536"
    ]
