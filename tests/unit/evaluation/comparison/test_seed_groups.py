"""Mean and deviation over seeds."""

import math
from pathlib import Path
from typing import Any

import pytest

from facegen.core.batch import DataSpec
from facegen.core.evidence import Figure
from facegen.core.recipe.recipe import check_recipe
from facegen.evaluation.comparison.compare import Column
from facegen.evaluation.comparison.layouts import all_figures
from facegen.evaluation.comparison.seed_groups import _common_name, group_by_seed
from facegen.evaluation.report import Report
from facegen.training.runs.run import Run

TABLES: dict[str, Any] = {
    "data": {"type": "synthetic"}, "conditioner": {"type": "one_hot"}, "discriminator": {"type": "projection"},
    "match": {"type": "softmax"},
}  # fmt: skip


def column(name: str, seed: int, value: float, *, split: str = "train", label: str = "", **match: Any) -> Column:
    tables = {**TABLES, "run": {"name": name, "seed": seed}, "match": {"type": "softmax", **match}}
    figure = Figure("matching.v2f", "V-F", value, value - 0.1, value + 0.1, 0.5, better="higher", num_people=9)
    values: dict[str, Any] = {
        "run": name, "step": 1, "corpus": "synthetic", "split": split, "seed": 0, "judge": "a judge",
        "judge_key": "abc", "corpus_key": "123", "max_clips": 20, "num_clips": 20, "num_people": 9, "num_noises": 2,
        "figures": {"matching": [figure]}, "table": Path("train.md"), "picture": None,
    }  # fmt: skip
    run = Run(Path("runs") / name, check_recipe(tables, f"{name}.toml"), DataSpec(image_pixels=32))
    return Column(run.path, Report(**values), name, label or name, name, run)


def test_mean_and_sample_deviation_over_seeds() -> None:
    merged, other = group_by_seed(
        [column("a_seed-0", 0, 0.5), column("b", 0, 0.9, steps=7), column("a_seed-1", 1, 0.6), column("a_seed-2", 2, 1)]
    )
    assert (merged.name, merged.label, other.label) == ("a", "a, 3 seeds", "b")
    ((figure,),) = merged.report.figures.values()
    assert figure.value == pytest.approx(0.7)
    assert figure.deviation == pytest.approx(math.sqrt((0.04 + 0.01 + 0.09) / 2))
    assert (figure.low, figure.high, figure.chance, figure.note) == (None, None, 0.5, "mean of 3 runs")
    assert other.report.figures["matching"][0].low == pytest.approx(0.8)
    table = all_figures([merged, other])
    texts = [cell.text for cell in table.rows[0]]
    assert texts[:3] == ["V-F", "0.700 ± 0.265, 9 people", "0.900 (0.800 to 1.000), 9 people"]


def test_a_run_without_a_number_is_left_out_and_counted() -> None:
    (merged,) = group_by_seed([column("a0", 0, 0.5), column("a1", 1, math.nan), column("a2", 2, 0.7)])
    figure = merged.report.figures["matching"][0]
    assert (figure.value, figure.note) == (pytest.approx(0.6), "mean of 2 of 3")
    (merged,) = group_by_seed([column("a0", 0, math.nan), column("a1", 1, 0.5)])
    assert (merged.report.figures["matching"][0].value, merged.report.figures["matching"][0].deviation) == (0.5, None)


def test_splits_and_files_without_a_run_stay_apart() -> None:
    other = column("a", 0, 0.6, split="heldout_people", label="a, heldout_people")
    splits = [column("a", 0, 0.5, label="a, train"), other]
    assert [one.label for one in group_by_seed(splits)] == ["a, train", "a, heldout_people"]
    files = [Column(one.place, one.report, one.name, one.label, "", None) for one in (splits[0], splits[0])]
    assert len(group_by_seed(files)) == 2


@pytest.mark.parametrize("seeds, name", [
    ({"relid_seed-1": 1, "relid_seed-10": 10, "relid_seed-11": 11}, "relid"),
    ({"seed0-v2": 0, "seed1-v2": 1}, "v2"),
    ({"relid10_0": 0, "relid10_1": 1}, "relid10"),
    ({"0": 0, "1": 1}, "0"),
    ({"first": 0, "second": 1}, "first"),
])  # fmt: skip
def test_a_group_is_named_after_its_runs_without_their_seeds(seeds: dict[str, int], name: str) -> None:
    assert _common_name(seeds) == name
