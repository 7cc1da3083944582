import pytest
import torch
from torch import nn
from torch.optim import AdamW, RMSprop

from facegen.core.recipe.tables import OptimiserSettings
from facegen.training.optimisers import build_optimiser, cosine, learning_rate, set_convolution_precision


def test_an_optimiser_reads_all_of_its_table() -> None:
    values = {"learning_rate": 0.1, "beta1": 0.3, "beta2": 0.7, "weight_decay": 0.2}
    weights = list(nn.Linear(2, 2).parameters())
    adam = build_optimiser(OptimiserSettings(**values), weights)
    (group,) = adam.param_groups
    assert isinstance(adam, AdamW) and (group["lr"], group["weight_decay"]) == (0.1, 0.2)
    assert group["betas"] == (0.3, 0.7) and group["params"] == weights
    smoothed = build_optimiser(OptimiserSettings(optimiser="rmsprop", **values), weights)
    (group,) = smoothed.param_groups
    assert isinstance(smoothed, RMSprop) and (group["lr"], group["alpha"], group["weight_decay"]) == (0.1, 0.7, 0.2)


def test_the_rate_of_a_step() -> None:
    constant = OptimiserSettings(learning_rate=0.1)
    assert [learning_rate(constant, step, 10) for step in (0, 9)] == [0.1, 0.1]
    falling = OptimiserSettings(learning_rate=0.1, learning_rate_end=0.02)
    assert [learning_rate(falling, step, 10) for step in (0, 5, 10)] == pytest.approx([0.1, 0.06, 0.02])
    halved = OptimiserSettings(learning_rate=0.1, halve_every_steps=3)
    assert [learning_rate(halved, step, 10) for step in (0, 2, 3, 6)] == pytest.approx([0.1, 0.1, 0.05, 0.025])
    floored = OptimiserSettings(learning_rate=0.1, halve_every_steps=3, learning_rate_end=0.04)
    assert [learning_rate(floored, step, 10) for step in (3, 6, 9)] == pytest.approx([0.05, 0.04, 0.04])


def test_learning_rate_rises_then_falls_along_half_a_cosine() -> None:
    rates = [cosine(1.0, 0.1, step, 10, warmup_steps=2) for step in range(11)]
    assert rates[:3] == [0.5, 1.0, 1.0]
    assert rates[6] == pytest.approx(0.55)
    assert rates[10] == pytest.approx(0.1)


@pytest.mark.parametrize(("precision", "may_round"), [("auto", True), ("bf16", True), ("fp32", False)])
def test_convolutions_of_float32_round_only_where_the_recipe_allows_it(
    precision: str, may_round: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", not may_round)
    set_convolution_precision(precision)
    assert torch.backends.cudnn.allow_tf32 is may_round
    assert torch.backends.cudnn.benchmark
