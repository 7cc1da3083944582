"""Statistics of readings, against scipy, NumPy and hand-made examples."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from facegen.core.statistics import Bootstrap
from facegen.parts.metrics.reading_statistics import (
    agreement,
    balanced_share,
    median_difference,
    rank_correlation,
    spread_ratio,
)


def test_agreement_of_single_faces_and_of_the_majority() -> None:
    nan = math.nan
    votes = torch.tensor([[1, 1, 0], [0, 0, 0], [1, 0, nan], [nan, nan, 1]])
    single, majority = agreement(votes, torch.tensor([1, 1, 1, 0]))
    assert single.tolist() == pytest.approx([2 / 3, 0, 0.5, 0])
    assert majority.tolist() == [1, 0, 0.5, 0]


def test_balanced_share_weighs_groups_equally() -> None:
    hits, group = torch.tensor([1.0] * 90 + [0.0] * 10), torch.tensor([0] * 90 + [1] * 10)
    people = Bootstrap(torch.arange(100), 0)
    assert people.share(hits).value == pytest.approx(0.9)
    assert balanced_share(hits, group, people).value == pytest.approx(0.5)
    half = torch.arange(100) % 2
    estimate = balanced_share(half, torch.arange(100) < 40, people)
    assert estimate.value == pytest.approx(0.5)
    assert estimate.low is not None and estimate.high is not None
    # The standard error of the mean of two shares of 40 and of 60 people.
    error = math.sqrt(0.25 * (0.25 / 40 + 0.25 / 60))
    assert (estimate.high - estimate.low) / 2 == pytest.approx(1.96 * error, rel=0.1)


def test_rank_correlation_agrees_with_scipy() -> None:
    torch.manual_seed(1)
    one = torch.randint(0, 12, (80,)).float()
    other = one + torch.randn(80) * 5
    estimate = rank_correlation(one, other, Bootstrap(torch.arange(80), 0))
    assert estimate.value == pytest.approx(spearmanr(one, other).statistic, abs=1e-12)
    assert estimate.low is not None and estimate.high is not None
    assert estimate.low < estimate.value < estimate.high


@pytest.mark.parametrize("num", [41, 42])
def test_median_difference_agrees_with_numpy(num: int) -> None:
    random = np.random.default_rng(num)
    one, other = random.normal(40, 9, num), random.normal(31, 9, num)
    person = torch.arange(num) // 2
    estimate = median_difference(torch.from_numpy(one), torch.from_numpy(other), Bootstrap(person, 0))
    assert estimate.value == pytest.approx(np.median(one) - np.median(other))
    resampled = []
    for _ in range(2000):
        rows = np.concatenate([np.flatnonzero(person.numpy() == drawn) for drawn in random.integers(0, 21, 21)])
        resampled.append(np.median(one[rows]) - np.median(other[rows]))
    assert estimate.low == pytest.approx(np.quantile(resampled, 0.025), abs=1.2)
    assert estimate.high == pytest.approx(np.quantile(resampled, 0.975), abs=1.2)


def test_spread_ratio_is_that_of_standard_deviations() -> None:
    torch.manual_seed(0)
    reference = torch.randn(300) * 2 + 5
    shrunk = reference * 0.5 - 3
    paired = spread_ratio(shrunk, reference, Bootstrap(torch.arange(300), 0))
    assert (paired.value, paired.low, paired.high) == (
        pytest.approx(0.5, abs=1e-6), pytest.approx(0.5, abs=1e-6), pytest.approx(0.5, abs=1e-6)
    )  # fmt: skip
    other_rows = torch.randn(200)
    others = spread_ratio(other_rows, reference)
    assert others.value == pytest.approx(np.std(other_rows.numpy(), ddof=1) / np.std(reference.numpy(), ddof=1))
    assert others.low is None
