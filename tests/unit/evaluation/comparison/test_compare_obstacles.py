"""Reasons for which two runs do not compare, and the names of runs in a comparison."""

from pathlib import Path
from typing import Any

import pytest

from facegen.core.batch import DataSpec
from facegen.core.recipe.recipe import check_recipe
from facegen.evaluation.comparison.compare import Column, _names, obstacles
from facegen.evaluation.report import Report
from facegen.training.runs.run import Run


def column(name: str, **changes: Any) -> Column:
    tables = {
        "data": {"type": "synthetic"}, "conditioner": {"type": "one_hot"}, "discriminator": {"type": "projection"},
        "match": {"type": "softmax"},
    }  # fmt: skip
    values: dict[str, Any] = {
        "run": name, "step": 1, "corpus": "synthetic", "split": "train", "seed": 0, "judge": "a judge",
        "judge_key": "abcdefgh", "corpus_key": "12345678", "max_clips": 20, "num_clips": 20, "num_people": 9,
        "num_noises": 2, "figures": {}, "table": Path("train.md"), "picture": None, **changes,
    }  # fmt: skip
    run = Run(Path("runs") / name, check_recipe(tables, "x.toml"), DataSpec(image_pixels=32))
    return Column(run.path, Report(**values), name, name, run.recipe.run.name, run)


def test_runs_of_one_judge_and_corpus_compare() -> None:
    assert obstacles([column("a"), column("b")]) == []
    assert obstacles([column("a", judge_key=""), column("b", judge_key="")]) == []  # each judges itself: no better way


@pytest.mark.parametrize("changes, reason", [
    ({"judge_key": "zyx"}, "different judges (a: a judge [abcdef]; b: a judge [zyx]); give their recipes the same"),
    ({"judge_key": ""}, "different judges (a: a judge [abcdef]; b: a judge [itself])"),
    ({"corpus_key": "9"}, "different corpora (a: synthetic [123456]; b: synthetic [9]); train them on one corpus"),
    ({"split": "heldout_people"}, "different splits (a: train; b: heldout_people); choose one with --split"),
])  # fmt: skip
def test_what_keeps_runs_from_comparing(changes: dict[str, str], reason: str) -> None:
    (message,) = obstacles([column("a"), column("b", **changes)])
    assert message.startswith("not comparable: ")
    assert reason in message


def test_splits_of_one_run_compare() -> None:
    assert obstacles([column("a"), column("a", split="heldout_people")]) == []


def test_runs_are_named_by_what_tells_them_apart() -> None:
    assert _names([Path("/x/one"), Path("/x/two")]) == ["one", "two"]
    assert _names([Path("/x/one/run"), Path("/x/two/run")]) == ["one/run", "two/run"]
    assert _names([Path("/x/run"), Path("/x/run")]) == ["run", "run"]
