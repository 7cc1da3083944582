"""AUC and EER against pairwise comparison, a scan of thresholds, and repeated pairs."""

import math

import pytest
import torch
from torch import Tensor

from facegen.parts.metrics.operating_curve import rates_of


def unweighted(own: Tensor, other: Tensor) -> tuple[float, float]:
    return tuple(rates_of(own, other)(torch.ones(1, len(own)), torch.ones(1, len(other)))[0].tolist())


def area_by_pairs(own: Tensor, other: Tensor) -> float:
    better = (own[:, None] > other).double() + 0.5 * (own[:, None] == other).double()
    return float(better.mean())


def error_by_scan(own: Tensor, other: Tensor) -> float:
    """Scan a fine grid of thresholds for the smallest difference of the two rates."""
    thresholds = torch.linspace(float(own.min()), float(own.max()), 20001, dtype=torch.float64)
    accepts = (other[:, None] >= thresholds).double().mean(0)
    rejects = (own[:, None] < thresholds).double().mean(0)
    nearest = (accepts - rejects).abs().argmin()
    return float((accepts[nearest] + rejects[nearest]) / 2)


def test_random_scores() -> None:
    random = torch.Generator().manual_seed(0)
    own, other = torch.randn(500, generator=random).double() + 1, torch.randn(700, generator=random).double()
    area, error = unweighted(own, other)
    assert area == pytest.approx(area_by_pairs(own, other))
    assert error == pytest.approx(error_by_scan(own, other), abs=2 / 500)


def test_ties_count_half() -> None:
    own, other = torch.tensor([1.0, 2.0, 2.0, 3.0]), torch.tensor([2.0, 2.0, 1.0, 0.0])
    area, _ = unweighted(own, other)
    assert area == pytest.approx(area_by_pairs(own, other))
    assert unweighted(torch.zeros(3), torch.zeros(5)) == (0.5, 0.5)


def test_separated_and_reversed_scores() -> None:
    low, high = torch.tensor([0.0, 0.1]), torch.tensor([0.9, 1.0, 2.0])
    assert unweighted(high, low) == (1.0, 0.0)
    assert unweighted(low, high) == (0.0, 1.0)


def test_error_by_hand() -> None:
    """Of four pairs of each kind, one of two people lies above the threshold, and one of one person below it."""
    assert unweighted(torch.tensor([4.0, 3.0, 2.5, 0.5]), torch.tensor([2.7, 0.4, 0.3, 0.2]))[1] == 0.25


def test_weights_repeat_pairs() -> None:
    own, other = torch.tensor([3.0, 1.0, 2.0]), torch.tensor([2.5, 0.5])
    own_counts, other_counts = torch.tensor([2, 0, 3]), torch.tensor([1, 4])
    weighted = rates_of(own, other)(own_counts[None].double(), other_counts[None].double())[0].tolist()
    repeated = unweighted(own.repeat_interleave(own_counts), other.repeat_interleave(other_counts))
    assert weighted == pytest.approx(repeated)


def test_no_weight_is_no_number() -> None:
    rates = rates_of(torch.tensor([1.0]), torch.tensor([0.0]))(torch.zeros(1, 1), torch.ones(1, 1))
    assert all(math.isnan(value) for value in rates[0].tolist())
