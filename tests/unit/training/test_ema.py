import pytest
from torch import nn

from facegen.training.ema import EMA


def test_weights_halve_after_the_half_life_and_buffers_are_copied() -> None:
    network = nn.BatchNorm1d(1)
    average = EMA(network, half_life_images=100)
    network.weight.data.fill_(3.0)
    network.running_mean.fill_(5.0)
    for _ in range(10):
        average.update(network, batch_images=10, seen_images=10**9)
    assert average.module.weight.item() == pytest.approx(2.0)
    assert average.module.running_mean.item() == 5.0


def test_early_on_the_average_follows_closely() -> None:
    network = nn.Linear(1, 1, bias=False)
    average = EMA(network, half_life_images=10**6)
    network.weight.data.fill_(2.0)
    average.update(network, batch_images=64, seen_images=64)
    assert average.module.weight.item() == pytest.approx(2.0, abs=1e-4)


def test_no_gradient_reaches_the_average() -> None:
    average = EMA(nn.Linear(2, 2), 10)
    assert not any(weight.requires_grad for weight in average.module.parameters())
    assert not average.module.training
