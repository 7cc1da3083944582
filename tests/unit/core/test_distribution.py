"""Distribution of training rows: distances against Mahalanobis', calibration on unseen people, and storage."""

import pytest
import torch
from torch import Tensor

from facegen.core.distribution import MIN_ROWS, Distribution, shape_problems

DIM = 4


def normal(num: int, dim: int = DIM, seed: int = 0) -> Tensor:
    """Draw correlated rows, of unequal variances."""
    random = torch.Generator().manual_seed(seed)
    mixing = torch.randn(dim, dim, generator=torch.Generator().manual_seed(99))
    return torch.randn(num, dim, generator=random) @ mixing + 3


def fitted(features: Tensor, person: Tensor | None = None) -> Distribution:
    distribution = Distribution.fit(features, torch.arange(len(features)) if person is None else person, seed=0)
    assert distribution is not None
    return distribution


def test_distance_is_that_of_mahalanobis() -> None:
    """With as many components as features, nothing is left to the rest."""
    distribution = fitted(normal(2000))
    covariance = (distribution.components.T * distribution.variances) @ distribution.components
    centred = normal(5, seed=1).double() - distribution.mean
    expected = (centred @ torch.linalg.inv(covariance) * centred).sum(1).sqrt()
    torch.testing.assert_close(distribution.distance(normal(5, seed=1)), expected)


def test_rows_of_the_same_distribution_are_spread_evenly() -> None:
    """The shares of nearer rows are uniform, also where there are more features than fitted rows."""
    for dim in (4, 300):
        distribution = fitted(normal(400, dim))
        shares = distribution.share_nearer(normal(400, dim, seed=1))
        assert float(shares.mean()) == pytest.approx(0.5, abs=0.08)
        assert float((shares >= 0.99).double().mean()) < 0.06


def test_far_rows_are_beyond_all() -> None:
    distribution = fitted(normal(400))
    assert distribution.share_nearer(normal(5, seed=1) + 100).tolist() == [1.0] * 5
    assert distribution.share_nearer(distribution.mean[None]).tolist() == [0.0]


def test_a_direction_that_never_varied_counts() -> None:
    """Half of the features are constant; a row that differs in one of them lies far outside."""
    features = torch.cat([normal(400, 20), torch.zeros(400, 20)], dim=1)
    row = features[:1].clone()
    row[0, -1] = 5
    assert fitted(features).share_nearer(row).tolist() == [1.0]


def test_people_are_held_back_whole() -> None:
    """Three people far from each other: those held back lie far from those fitted."""
    person = torch.arange(600) % 3
    features = normal(600) + 1000 * torch.nn.functional.one_hot(person, DIM)[:, :DIM]
    distribution = fitted(features, person)
    assert len(distribution.distances) in (200, 400)
    assert float(distribution.distances.min()) > 50


def test_too_few_rows_and_one_person() -> None:
    assert Distribution.fit(normal(2 * MIN_ROWS - 2), torch.arange(2 * MIN_ROWS - 2), 0) is None
    assert len(fitted(normal(2 * MIN_ROWS), torch.zeros(2 * MIN_ROWS)).distances) == MIN_ROWS


def test_tensors_come_back() -> None:
    distribution = fitted(normal(300))
    again = Distribution.of_tensors(distribution.tensors())
    rows = normal(7, seed=2)
    assert torch.equal(again.distance(rows), distribution.distance(rows))
    assert torch.equal(again.share_nearer(rows), distribution.share_nearer(rows))


@pytest.mark.parametrize("name, value", [
    ("mean", torch.zeros(3).double()), ("mean", torch.zeros(DIM)), ("mean", torch.zeros(()).double()),
    ("variances", torch.zeros(DIM).double()), ("rest", torch.tensor(float("nan")).double()),
    ("distances", torch.zeros(3).double()), ("distances", torch.arange(150).flip(0).double()),
    ("components", torch.zeros(DIM, 5).double()), ("more", torch.zeros(1).double()),
])  # fmt: skip
def test_unsound_tensors_are_refused(name: str, value: Tensor) -> None:
    with pytest.raises(ValueError, match=r"its tensors|distances|values"):
        Distribution.of_tensors({**fitted(normal(300)).tensors(), name: value})


def test_shapes_are_checked_before_values_are_read() -> None:
    shapes = {name: (value.dtype, tuple(value.shape)) for name, value in fitted(normal(300)).tensors().items()}
    assert shape_problems(shapes) == []
    assert shape_problems({**shapes, "mean": (torch.float64, (10**9,))})
