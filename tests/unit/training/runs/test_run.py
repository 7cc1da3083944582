"""Files of a run folder: log.jsonl is JSON for every reader, also of a run that diverged."""

import json
from pathlib import Path

from facegen.core.batch import DataSpec
from facegen.core.recipe.recipe import check_recipe
from facegen.training.runs.run import Run

TABLES = {
    "data": {"type": "synthetic"}, "conditioner": {"type": "one_hot"}, "discriminator": {"type": "projection"},
    "match": {"type": "softmax"},
}  # fmt: skip


def test_a_loss_that_is_no_number_is_null(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", check_recipe(TABLES, "x.toml"), DataSpec(image_pixels=32))
    run.log("match", 20, {"loss": float("nan"), "grow": float("inf"), "rate": 0.5})
    run.log("match", 40, {"loss": 1.0})
    run.rewind("match", 40)
    text = (tmp_path / "run" / "log.jsonl").read_text()
    assert "NaN" not in text and "Infinity" not in text
    first, second = map(json.loads, text.splitlines())
    assert (first["loss"], first["grow"], first["rate"]) == (None, None, 0.5)
    assert second == {"stage": "match", "step": 40, "loss": 1.0}


def test_a_run_knows_the_fingerprint_of_its_corpus(tmp_path: Path) -> None:
    Run.create(tmp_path / "run", check_recipe(TABLES, "x.toml"), DataSpec(image_pixels=32), "abc")
    assert Run.open(tmp_path / "run").corpus_fingerprint == "abc"
