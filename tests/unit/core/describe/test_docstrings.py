"""Descriptions of docstrings and schemas."""

import tomllib
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from facegen.core.describe.docstrings import docstring_sections, section_entries, setting_rows, toml_value, type_text
from facegen.core.recipe.schedule import Ramp
from facegen.core.recipe.settings import settings_model
from facegen.core.recipe.tables import TrainSettings


class Documented:
    """One sentence.

        y = x + 1

    Engine:
        data: supplies
            everything.
    Settings:
        low, high: the ends.
        path: of a file: any.
    Source:
        A paper.

        A second paragraph.
    """

    def __init__(
        self, data, *, path: Path, low: Annotated[float, Field(ge=0, lt=1)] = 0.5, high: float | Ramp = 1.0
    ) -> None: ...


def test_sections():
    sections = docstring_sections(Documented)
    assert sections[""] == "One sentence.\n\n    y = x + 1"
    assert list(sections) == ["", "Engine", "Settings", "Source"]
    assert sections["Source"] == "A paper.\n\nA second paragraph."
    assert section_entries(sections["Engine"]) == {"data": "supplies everything."}
    entries = {"low": "the ends.", "high": "the ends.", "path": "of a file: any."}
    assert section_entries(sections["Settings"]) == entries
    assert docstring_sections(type("Bare", (), {"__doc__": None})) == {"": ""}


def test_rows_of_a_part():
    path, low, high = setting_rows(settings_model(Documented), {"low": "the lower end"})
    assert (path.name, path.type, path.default, path.bounds, path.meaning) == ("path", "path", None, "", "")
    assert (low.type, low.default, low.bounds, low.meaning) == ("float", "0.5", ">= 0, < 1", "the lower end")
    assert high.type == "float | { start, end, steps, begin_step, shape }"


def test_rows_of_a_table_inside_a_table_have_dotted_names():
    rows = {row.name: row for row in setting_rows(TrainSettings, {})}
    assert rows["generator.beta2"].default == "0.99" and rows["generator.beta2"].meaning
    assert "generator" not in rows
    written = "\n".join(f"{name} = {row.default}" for name, row in rows.items() if row.default)
    assert TrainSettings(**tomllib.loads(written)) == TrainSettings()


class Inner(BaseModel):
    a: int = 1


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (int, "int"),
        (str, "string"),
        (str | None, "string"),
        (Path, "path"),
        (Literal["a", "b"], '"a" | "b"'),
        (tuple[int, ...], "list of int"),
        (list[str], "list of string"),
        (tuple[int, float], "[int, float]"),
        (dict[str, int], "table of int"),
        (tuple[Annotated[int, Field(gt=0)], ...], "list of int > 0"),
        (Annotated[float, Field(gt=0, le=2)] | Inner, "float > 0, <= 2 | { a }"),
        (Annotated[str, Field(min_length=2, max_length=4)], "string at least 2 long, at most 4 long"),
        (Annotated[str, Field(pattern="^x")], "string matches ^x"),
        (Annotated[int, Field(multiple_of=8)], "int multiple of 8"),
    ],
)
def test_types(annotation, text):
    assert type_text(annotation) == text


@pytest.mark.parametrize(
    "value", [True, 3, 1e-6, 0.5, 'a "quoted" \\ string', "grüß", [1, 2], [[1.5], [2.5]], {"a": 1, "b": {"c": "d"}}, {}]
)
def test_values_are_toml(value):
    assert tomllib.loads(f"x = {toml_value(value)}")["x"] == value


def test_values_that_toml_lacks():
    assert toml_value(None) == ""
    assert toml_value((1, 2)) == "[1, 2]" and toml_value(Path("a/b")) == '"a/b"'
    assert toml_value(Inner(a=2)) == "{ a = 2 }"
