"""Coverage of intervals, and the Frechet distance against other computations."""

import math

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
import torch

from facegen.core.statistics import Bootstrap, frechet_distance, wilson


def test_sums_and_mean_by_hand() -> None:
    person = torch.tensor([7, 3, 7, 9])
    bootstrap = Bootstrap(person, seed=0)
    assert bootstrap.num_people == 3
    assert bootstrap.sums(torch.tensor([1.0, 2.0, 4.0, 8.0])).tolist() == [2.0, 5.0, 8.0]  # people 3, 7, 9
    mean = bootstrap.mean(torch.tensor([1.0, 2.0, 4.0, 8.0]))
    assert mean.value == 3.75
    assert mean.low is not None and mean.high is not None and mean.low < 3.75 < mean.high


def test_interval_of_independent_rows_is_that_of_the_normal_distribution() -> None:
    values = torch.randn(4000, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    mean = Bootstrap(torch.arange(4000), seed=0).mean(values)
    reach = 1.96 * float(values.std()) / math.sqrt(4000)
    assert mean.low == pytest.approx(mean.value - reach, abs=0.1 * reach)
    assert mean.high == pytest.approx(mean.value + reach, abs=0.1 * reach)


def test_coverage_where_rows_of_a_person_agree() -> None:
    """Rows of a person are alike: an interval over rows would be much too narrow."""
    random = torch.Generator().manual_seed(2)
    people, rows, trials = 60, 8, 300
    person = torch.arange(people).repeat_interleave(rows)
    covered = narrow = 0
    for trial in range(trials):
        values = torch.randn(people, 1, generator=random) + 0.5 * torch.randn(people, rows, generator=random)
        by_person = Bootstrap(person, trial, num_resamples=300).mean(values.flatten())
        by_row = 1.96 * float(values.std()) / math.sqrt(people * rows)
        assert by_person.low is not None and by_person.high is not None
        covered += by_person.low <= 0 <= by_person.high
        narrow += abs(float(values.mean())) <= by_row
    assert 0.90 <= covered / trials <= 0.98
    assert narrow / trials < 0.70


def test_interval_depends_on_the_seed_alone_and_not_on_the_order_of_rows() -> None:
    values, person = torch.arange(12.0), torch.arange(12) // 2
    order = torch.randperm(12, generator=torch.Generator().manual_seed(3))
    assert Bootstrap(person, 5).mean(values) == Bootstrap(person[order], 5).mean(values[order])
    assert Bootstrap(person, 5).mean(values) != Bootstrap(person, 6).mean(values)


def test_one_person_has_no_interval() -> None:
    mean = Bootstrap(torch.zeros(5, dtype=torch.int64), 0).mean(torch.arange(5.0))
    assert (mean.value, mean.low, mean.high) == (2.0, None, None)


@pytest.mark.parametrize("hits, num", [(0, 30), (30, 30), (17, 30), (1, 1000)])
def test_wilson_against_scipy(hits: int, num: int) -> None:
    expected = scipy.stats.binomtest(hits, num).proportion_ci(method="wilson")
    assert wilson(hits / num, num) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_a_share_of_one_still_has_an_interval() -> None:
    share = Bootstrap(torch.arange(20), 0).share(torch.ones(20))
    assert (share.value, share.high) == (1.0, 1.0)
    assert share.low == pytest.approx(wilson(1.0, 20)[0])
    assert share.low < 0.85


def frechet_by_definition(first: np.ndarray, second: np.ndarray) -> float:
    one, other = np.cov(first.T), np.cov(second.T)
    root = scipy.linalg.sqrtm(one @ other).real
    return float(((first.mean(0) - second.mean(0)) ** 2).sum() + np.trace(one + other - 2 * root))


def test_frechet_against_the_square_root_of_the_product() -> None:
    random = np.random.default_rng(0)
    first = random.normal(size=(200, 12)) @ random.normal(size=(12, 12))
    second = random.normal(size=(150, 12)) @ random.normal(size=(12, 12)) + 0.5
    distance = frechet_distance(torch.tensor(first), torch.tensor(second))
    assert distance == pytest.approx(frechet_by_definition(first, second), rel=1e-8)


def test_frechet_of_gaussians_in_closed_form() -> None:
    """Independent features: d^2 = |shift|^2 + sum (s1 - s2)^2. Whitened samples have these moments exactly."""
    random = np.random.default_rng(1)

    def with_moments(mean: np.ndarray, deviation: np.ndarray) -> torch.Tensor:
        sample = random.normal(size=(64, 3))
        sample -= sample.mean(0)
        white = sample @ np.linalg.inv(np.linalg.cholesky(np.cov(sample.T))).T
        return torch.tensor(white * deviation + mean)

    first = with_moments(np.zeros(3), np.array([1.0, 2.0, 3.0]))
    second = with_moments(np.array([1.0, 0.0, -2.0]), np.array([1.5, 2.0, 1.0]))
    assert frechet_distance(first, second) == pytest.approx(1 + 4 + 0.25 + 0 + 4, rel=1e-9)


def test_frechet_with_fewer_samples_than_features() -> None:
    """Singular covariances: tr (C1 C2)^(1/2) is the sum of the singular values of A B^T."""
    random = np.random.default_rng(2)
    first, second = random.normal(size=(10, 30)), random.normal(size=(14, 30)) + 0.2
    a = (first - first.mean(0)) / np.sqrt(9)
    b = (second - second.mean(0)) / np.sqrt(13)
    overlap = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    expected = ((first.mean(0) - second.mean(0)) ** 2).sum() + (a**2).sum() + (b**2).sum() - 2 * overlap
    assert frechet_distance(torch.tensor(first), torch.tensor(second)) == pytest.approx(expected, rel=1e-6)


def test_frechet_of_a_sample_with_itself_is_zero() -> None:
    sample = torch.randn(50, 8, generator=torch.Generator().manual_seed(0))
    assert frechet_distance(sample, sample) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(sample[:5], sample[:5]) == pytest.approx(0, abs=1e-5)
