"""Forecasts: what is left to train, at the rate of the machine; nothing for a training of minutes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from facegen.core.recipe.recipe import check_recipe
from facegen.training.check import forecast as module
from facegen.training.check.costs import REACHED_SHARE, StageCost
from facegen.training.check.forecast import Forecast
from facegen.training.train import prepare_training

TABLES: dict[str, Any] = {
    "data": {"type": "synthetic", "num_people": 20, "num_heldout_people": 6, "image_pixels": 16,
             "speech_seconds": 0.3, "clip_seconds": 0.3},
    "conditioner": {"type": "one_hot", "condition_dim": 4},
    "discriminator": {"type": "projection", "width": 4},
    "match": {"type": "softmax", "batch_size": 8, "steps": 1000},
}  # fmt: skip
RATE = 1e9


@pytest.fixture
def predict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Forecast | None]:
    """Forecast the recipe, with costs that the test chooses."""
    monkeypatch.setattr(module, "measure_rate", lambda device: RATE)

    def call(*costs: StageCost, done: int = 0) -> Forecast | None:
        monkeypatch.setattr(module, "estimate_costs", lambda recipe, networks, dataset: list(costs))
        monkeypatch.setattr(module, "_steps_done", lambda out, recipe, data, stage: done)
        return prepare_training(check_recipe(TABLES, "x.toml"), tmp_path / "run").forecast()

    return call


def cost(step_flops: float | None, steps: int = 1000, name: str = "match") -> StageCost:
    return StageCost(name, steps, 8, 100, step_flops, None if step_flops is None else 2.0**30)


def test_seconds_follow_from_operations_and_rate(predict: Callable[..., Forecast | None]) -> None:
    predicted = predict(cost(1e11), cost(3e11, name="train"))
    assert predicted is not None
    assert [stage.name for stage in predicted.stages] == ["match", "train"]
    assert predicted.seconds == pytest.approx(1000 * 4e11 / RATE / REACHED_SHARE)
    assert predicted.memory_bytes == 2.0**30


def test_of_a_resumed_run_the_rest_counts(predict: Callable[..., Forecast | None]) -> None:
    whole, rest = predict(cost(1e11)), predict(cost(1e11), done=750)
    assert whole is not None and rest is not None
    assert rest.seconds == pytest.approx(whole.seconds / 4)
    assert predict(cost(1e11), done=1000) is None


def test_minutes_are_not_estimated_and_unknown_stays_unknown(predict: Callable[..., Forecast | None]) -> None:
    assert predict(cost(9e8)) is None
    predicted = predict(cost(None), cost(1e11, name="train"))
    assert predicted is not None and predicted.stages[0].seconds is None and predicted.seconds > 0


def test_the_costs_are_those_of_the_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NEGLIGIBLE_FLOPS", 1.0)
    monkeypatch.setattr(module, "measure_rate", lambda device: RATE)
    predicted = prepare_training(check_recipe(TABLES, "x.toml"), tmp_path / "run").forecast()
    assert predicted is not None
    assert predicted.stages[0].name == "match" and 0 < predicted.seconds < 3600
