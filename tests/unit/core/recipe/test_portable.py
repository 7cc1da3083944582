"""Recipes of model files name no path of the machine that trained them."""

from typing import Any

from facegen.core.recipe.portable import NO_PATH, without_paths
from facegen.core.recipe.recipe import check_recipe

TABLES: dict[str, Any] = {
    "data": {"type": "packed", "path": "corpora/family", "image_pixels": 32},
    "conditioner": [{"type": "waveform_sincnet", "trained": "frozen"}],
    "discriminator": {"type": "voice2face"},
    "match": {"type": "softmax", "start": "/home/ada/runs/first", "steps": 10},
    "evaluate": {"judge_start": "runs/judge", "num_clips": 50},
    "metric": [{"type": "matching"}, {"type": "fidelity", "inception_weights": "weights.pth"}],
}


def test_paths_with_a_default_are_left_out_and_others_replaced() -> None:
    portable = without_paths(check_recipe(TABLES, "recipe.toml"))
    assert portable["data"] == {"type": "packed", "path": NO_PATH, "image_pixels": 32}
    assert portable["match"] == {"type": "softmax", "steps": 10}
    assert portable["evaluate"] == {"num_clips": 50}
    assert portable["metric"] == [{"type": "matching"}, {"type": "fidelity"}]
    assert portable["conditioner"] == TABLES["conditioner"]
    assert check_recipe(portable, "recipe.toml").config("matcher").engine.steps == 10


def test_what_was_given_is_unchanged() -> None:
    without_paths(check_recipe(TABLES, "recipe.toml"))
    assert TABLES["match"]["start"] == "/home/ada/runs/first"
