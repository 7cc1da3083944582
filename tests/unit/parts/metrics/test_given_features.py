"""Figures of given features against torch-fidelity, closed forms and brute force."""

import sys

import numpy as np
import pytest
import torch

from facegen.core import optional_imports
from facegen.core.statistics import frechet_distance
from facegen.parts.metrics.given_features import inception_score, kernel_distance, precision_recall


def features(num: int, dim: int = 16, seed: int = 0, shift: float = 0.0) -> torch.Tensor:
    return torch.randn(num, dim, generator=torch.Generator().manual_seed(seed)) + shift


def test_inception_score_of_certain_and_uniform_predictions() -> None:
    sure = 100.0 * torch.eye(7).repeat(10, 1)
    assert inception_score(sure, num_splits=1, seed=0) == pytest.approx((7, 0))
    assert inception_score(torch.zeros(70, 7), num_splits=10, seed=0) == pytest.approx((1, 0))
    one_class = 100.0 * torch.eye(7)[:1].repeat(70, 1)
    assert inception_score(one_class, num_splits=10, seed=0) == pytest.approx((1, 0))


def test_inception_score_of_two_classes_in_closed_form() -> None:
    """p(y|x) = (q, 1 - q) or the reverse, half each: log IS = log 2 - H(q)."""
    q = 0.8
    rows = torch.tensor([[q, 1 - q], [1 - q, q]]).log().repeat(50, 1)
    entropy = -(q * np.log(q) + (1 - q) * np.log(1 - q))
    assert inception_score(rows, num_splits=1, seed=0)[0] == pytest.approx(2 * np.exp(-entropy), rel=1e-6)
    # Splits of a shuffled list are not balanced, so that they differ, and are lower.
    mean, deviation = inception_score(rows, num_splits=10, seed=0)
    assert mean < 2 * np.exp(-entropy) and deviation > 0


def test_kernel_distance_agrees_with_brute_force() -> None:
    fake, real = features(12, seed=1), features(12, seed=2, shift=0.5)

    def kernel(x: torch.Tensor, y: torch.Tensor) -> float:
        return float((x.double() @ y.double() / 16 + 1) ** 3)

    own = [kernel(side[i], side[j]) for side in (fake, real) for i in range(12) for j in range(12) if i != j]
    across = [kernel(x, y) for x in fake for y in real]
    expected = sum(own) / (12 * 11) - 2 * sum(across) / 144
    # A subset of all rows is all rows, whichever was drawn first.
    distance = kernel_distance(fake, real, num_subsets=3, subset_size=12, seed=5)
    assert distance == pytest.approx((expected, 0), abs=1e-5)


def test_kernel_distance_of_gaussians_in_closed_form() -> None:
    """In one dimension (x y + 1)^3 compares three moments: d = (E x^3 - E y^3)^2 + 3 (...)^2 + 3 (E x - E y)^2."""
    a, m, s, num = 0.5, 0.2, 0.6, 2000
    expected = (m**3 + 3 * m * s**2) ** 2 + 3 * (m**2 + s**2 - a**2) ** 2 + 3 * m**2
    # Quantiles have the moments of a normal distribution far more closely than so many draws.
    normal = torch.special.ndtri((torch.arange(num, dtype=torch.float64) + 0.5) / num)[:, None]
    distance, _ = kernel_distance(m + s * normal, a * normal, num_subsets=1, subset_size=num, seed=0)
    assert distance == pytest.approx(expected, rel=0.03)
    one, other = a * features(2000, 1, seed=4), a * features(2000, 1, seed=5)
    same, spread = kernel_distance(one, other, num_subsets=20, subset_size=500, seed=0)
    assert abs(same) < 3 * spread < expected


def test_figures_agree_with_torch_fidelity() -> None:
    fake, real = features(60, seed=6), features(50, seed=7, shift=0.2)
    optional_imports.torch_fidelity()
    kid = sys.modules["torch_fidelity.metric_kid"].kid_features_to_metric(
        fake, real, kid_subsets=7, kid_subset_size=20, rng_seed=9, verbose=False
    )
    assert kernel_distance(fake, real, num_subsets=7, subset_size=20, seed=9) == pytest.approx(tuple(kid.values()))
    prc = sys.modules["torch_fidelity.metric_prc"].prc_features_to_metric(fake, real, prc_neighborhood=3, verbose=False)
    assert precision_recall(fake, real, num_neighbours=3) == (prc["precision"], prc["recall"])
    isc = sys.modules["torch_fidelity.metric_isc"].isc_features_to_metric(fake, 5, True, 9)
    assert inception_score(fake, num_splits=5, seed=9) == pytest.approx(tuple(isc.values()))


def test_frechet_distance_agrees_with_torch_fidelity() -> None:
    optional_imports.torch_fidelity()
    module = sys.modules["torch_fidelity.metric_fid"]
    for num, other, dim in ((300, 200, 64), (20, 30, 64), (20, 300, 64)):
        fake, real = features(num, dim, seed=8, shift=0.1), features(other, dim, seed=9)
        given = [module.fid_features_to_statistics(side.double()) for side in (fake, real)]
        theirs = module.fid_statistics_to_metric(*given, False)["frechet_inception_distance"]
        assert frechet_distance(fake, real) == pytest.approx(theirs, rel=1e-6)


def test_precision_and_recall_agree_with_brute_force() -> None:
    fake, real, k = features(40, 3, seed=10, shift=0.7), features(30, 3, seed=11), 3

    def share(points: torch.Tensor, centres: torch.Tensor) -> float:
        hits = 0
        for point in points:
            for centre in centres:
                reach = sorted(float((centre - other).norm()) for other in centres)[k]
                if float((point - centre).norm()) <= reach:
                    hits += 1
                    break
        return hits / len(points)

    values = precision_recall(fake, real, num_neighbours=k)
    assert values == pytest.approx((share(fake, real), share(real, fake)))
    assert 0 < values[0] < 1 and 0 < values[1] < 1


def test_large_seeds_are_accepted() -> None:
    rows = features(20)
    assert inception_score(rows, num_splits=3, seed=2**40 + 3) == inception_score(rows, num_splits=3, seed=3)
