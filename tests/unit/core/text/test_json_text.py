"""JSON holds no NaN and no infinity, wherever they stand."""

import ast
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

import facegen
from facegen.core.text.json_text import json_text

PACKAGE = Path(facegen.__file__).parent


def strict(text: str) -> object:
    """As a reader that knows JSON's own numbers only."""

    def refuse(word: str) -> None:
        raise ValueError(word)

    return json.loads(text, parse_constant=refuse)


def test_numbers_that_json_lacks_are_null() -> None:
    value = {"a": float("nan"), "b": [1.5, float("inf"), {"c": (-float("inf"), 2)}], "d": "NaN", "e": True}
    assert strict(json_text(value)) == {"a": None, "b": [1.5, None, {"c": [None, 2]}], "d": "NaN", "e": True}


def test_what_default_makes_is_looked_through_too() -> None:
    @dataclass
    class Row:
        loss: float

    assert strict(json_text([Row(float("nan"))], default=asdict)) == [{"loss": None}]
    with pytest.raises(TypeError, match="Row has no form in JSON"):
        json_text(Row(1.0))


@pytest.mark.parametrize("folder", ["cli", "evaluation", "training"])
def test_what_programs_read_is_written_by_this_module_alone(folder: str) -> None:
    """Keys of caches are hashed from sorted JSON, which nobody reads."""
    for path in (PACKAGE / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("json.dumps", "json.dump"):
                assert "sort_keys" in {keyword.arg for keyword in node.keywords}, f"{path}:{node.lineno}"
