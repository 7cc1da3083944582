"""The report of a run: every split so far, the conclusions from them, and the curves of its training."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from reports import report, share

from facegen.core.batch import DataSpec
from facegen.core.errors import CheckpointError
from facegen.core.evidence import Figure
from facegen.core.progress import Observer
from facegen.core.recipe.recipe import check_recipe
from facegen.evaluation import run_report
from facegen.evaluation.render.write import write_run_report
from facegen.evaluation.run_report import collect, draw_log, read_reports
from facegen.training.runs.run import Run

TABLES: dict[str, Any] = {
    "run": {"name": "the_recipe"}, "data": {"type": "synthetic"}, "conditioner": {"type": "one_hot"},
    "discriminator": {"type": "projection"}, "match": {"type": "softmax"},
}  # fmt: skip
NAME = "matching.v2f.10.generated"


class Listening(Observer):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "voices", check_recipe(TABLES, "x.toml"), DataSpec(image_pixels=32))


def test_every_split_so_far_in_order(run: Run) -> None:
    for name, value in (("other-train", 0.4), ("heldout_people", 0.5), ("train", 0.9)):
        report(run.path, name, {"matching": [share(NAME, value)]}).write()
    (run.path / "evaluation" / "broken.json").write_text("{}")
    observer = Listening()
    collected = collect(run, observer)
    assert [split_report.name for split_report in collected.reports] == ["train", "heldout_people", "other-train"]
    assert [gap.key for gap in collected.gaps] == [NAME]
    assert list(collected.verdicts) == ["train", "heldout_people", "other-train"]
    assert (collected.run, collected.recipe) == ("voices", "the_recipe")
    assert "broken.json" in observer.warnings[0] and "left out of the report" in observer.warnings[0]


def test_nothing_evaluated_is_explained(run: Run) -> None:
    with pytest.raises(CheckpointError, match=r"has no evaluation; run `facegen evaluate .*voices` first"):
        collect(run, Observer())


def test_splits_that_do_not_compare_are_named(run: Run) -> None:
    report(run.path, "train", {"matching": [share(NAME, 0.9)]}).write()
    report(run.path, "heldout_people", {"matching": [share(NAME, 0.5)]}, judge_key="zyx").write()
    collected = collect(run, Observer())
    assert collected.gaps == []
    assert collected.notes == ["train and heldout_people were measured with different judges; evaluate both again"]


def test_json_holds_the_reports_and_is_read_again(run: Run) -> None:
    written = report(run.path, "train", {"matching": [share(NAME, 0.9), Figure("x", "x", math.nan)]})
    written.write()
    page = write_run_report(run.path, Observer())
    assert page == run.path / "evaluation" / "report.html"
    assert {path.suffix for path in page.parent.glob("report.*")} == {".json", ".md", ".html"}
    recipe, (read,) = read_reports(page.with_suffix(".json"))
    assert recipe == "the_recipe"
    assert read.to_json() == written.to_json()
    # A second time it is not taken for the report of a split.
    write_run_report(run.path, Observer())
    assert list(json.loads(page.with_suffix(".json").read_text())["evaluations"]) == ["train"]
    assert read_reports(run.path / "evaluation" / "train.json")[0] == ""


def test_one_plot_a_group_of_measures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: dict[str, Mapping[str, Any]] = {}
    monkeypatch.setattr(run_report, "draw_curves", lambda curves, title, path: drawn.update({title: curves}))
    entries = [
        {"stage": "match", "step": 10, "v2f": 2.0, "steps_per_second": 3.0},
        {"stage": "train", "step": 20, "discriminator/relid/real": 1.0, "generator/relid/fake": 2, "relid/margin": 0.5},
        {"stage": "train", "step": 40, "discriminator/relid/real": float("inf"), "relid/margin": 0.25, "odd": True},
        {"stage": "monitor", "step": 40, "noise_variation": 0.3, "remark": "text"},
    ]
    pictures = draw_log(entries, tmp_path / "curves")
    assert list(drawn) == ["match stage", "training: discriminator", "training: generator", "training", "monitor"]
    steps, values = drawn["training: discriminator"]["relid/real"]
    assert steps.tolist() == [20, 40]
    assert values[0] == 1.0 and math.isnan(values[1])
    assert list(drawn["training"]) == ["relid/margin"]
    assert [picture.file for picture in pictures] == [f"curves/0{number}.svg" for number in range(1, 6)]
    assert draw_log([], tmp_path) == []
