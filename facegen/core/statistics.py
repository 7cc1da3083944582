"""Estimates with bootstrap intervals. People are resampled, not rows: rows of one person are not independent."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from facegen.core.randomness import generator_for

NUM_RESAMPLES = 2000
LEVEL = 0.95
_CHUNK_WEIGHTS = 1 << 22
SYMMETRIC_BLOCKS = 4
"""Blocks along each axis of a symmetric product: more of them save less than small products lose."""


@dataclass(frozen=True)
class Estimate:
    """A number, its 95% interval, and the number of people it rests on; low and high are None for a single person."""

    value: float
    low: float | None
    high: float | None
    num_people: int | None = None


class Bootstrap:
    """Bootstrap over people: each resample draws as many people as there are, with replacement.

    A statistic is a function of weights: the number of times each person was drawn. Its percentile interval is somewhat
    too narrow with fewer than about 20 people.

    Args:
        person: (N,) person of each row.
        seed: random seed of the resamples.
        num_resamples: number of resamples.

    Attributes:
        of: (N,) index of each row's person, from 0 to num_people - 1.
        num_people: number of people.
        num_rows: (people,) number of rows of each person.
    """

    def __init__(self, person: Tensor, seed: int, num_resamples: int = NUM_RESAMPLES) -> None:
        people, self.of = person.cpu().unique(return_inverse=True)
        self.num_people = len(people)
        self.num_rows = self.sums(torch.ones(len(person)))
        self._seed, self._num_resamples = seed, num_resamples

    def sums(self, values: Tensor) -> Tensor:
        """Add up the rows of each person: (N, ...) -> (people, ...) float64."""
        summed = torch.zeros(self.num_people, *values.shape[1:], dtype=torch.float64)
        return summed.index_add_(0, self.of, values.cpu().double())

    def estimate(self, statistic: Callable[[Tensor], Tensor]) -> Estimate:
        """Estimate a statistic, (R, people) weights -> (R,), with its percentile interval."""
        return self.estimates(lambda weights: statistic(weights)[:, None])[0]

    def estimates(self, statistics: Callable[[Tensor], Tensor]) -> list[Estimate]:
        """Estimate S statistics at once, (R, people) weights -> (R, S), with their percentile intervals."""
        values = statistics(torch.ones(1, self.num_people, dtype=torch.float64))[0].tolist()
        if self.num_people < 2:
            return [Estimate(value, None, None, self.num_people) for value in values]
        drawn = torch.cat([statistics(weights) for weights in self._weights()])
        return [self._percentile(value, column) for value, column in zip(values, drawn.unbind(1), strict=True)]

    def _percentile(self, value: float, drawn: Tensor) -> Estimate:
        drawn = drawn[drawn.isfinite()]
        if not (len(drawn) and math.isfinite(value)):
            return Estimate(value, None, None, self.num_people)
        tail = (1 - LEVEL) / 2
        low, high = torch.quantile(drawn, torch.tensor([tail, 1 - tail], dtype=torch.float64)).tolist()
        return Estimate(value, min(low, value), max(high, value), self.num_people)

    def mean(self, values: Tensor) -> Estimate:
        """Estimate the mean of (N,) values over rows."""
        sums = self.sums(values)
        return self.estimate(lambda weights: (weights @ sums) / (weights @ self.num_rows))

    def share(self, hits: Tensor) -> Estimate:
        """Estimate the mean of (N,) values in [0, 1].

        If all people have the same mean, so have all resamples. Then the interval is Wilson's, with one trial per
        person.
        """
        return with_wilson(self.mean(hits))

    def _weights(self) -> Iterator[Tensor]:
        generator = generator_for(self._seed, "bootstrap")
        chunk = max(1, _CHUNK_WEIGHTS // self.num_people)
        for start in range(0, self._num_resamples, chunk):
            num = min(chunk, self._num_resamples - start)
            drawn = torch.randint(self.num_people, (num, self.num_people), generator=generator)
            ones = torch.ones(1, 1, dtype=torch.float64).expand_as(drawn)
            yield torch.zeros(num, self.num_people, dtype=torch.float64).scatter_add_(1, drawn, ones)


def compared(estimate: Estimate, reference: float, *, above: str, below: str = "") -> str:
    """Describe the position of an interval relative to a reference value.

    Args:
        estimate: the number and its interval.
        reference: the value to compare with.
        above, below: text if the whole interval lies on that side.
    """
    if estimate.low is None or estimate.high is None:
        return f"no interval, so it is not compared with {reference:g}"
    if estimate.low > reference:
        return above
    if estimate.high < reference:
        return below
    return f"not distinguishable from {reference:g}"


def with_wilson(share: Estimate) -> Estimate:
    """Replace an interval without width by Wilson's, with one trial per person.

    Equal resamples do not mean that a share is certain: other people may differ.
    """
    if share.low is None or share.low != share.high or share.num_people is None:
        return share
    return Estimate(share.value, *wilson(share.value, share.num_people), share.num_people)


def wilson(share: float, num: int) -> tuple[float, float]:
    """Return Wilson's 95% interval of a share among `num` trials (Wilson 1927)."""
    z = 1.959963984540054
    centre = (share + z * z / (2 * num)) / (1 + z * z / num)
    reach = z / (1 + z * z / num) * math.sqrt(share * (1 - share) / num + z * z / (4 * num * num))
    # Rounding must not exclude the share itself.
    return min(max(centre - reach, 0.0), share), max(min(centre + reach, 1.0), share)


def frechet_distance(first: Tensor, second: Tensor) -> float:
    """Compute the Frechet distance of the Gaussians that fit two sets of features.

        d^2 = |m1 - m2|^2 + tr C1 + tr C2 - 2 tr (C1 C2)^(1/2)

    The last trace is the sum of the singular values of A B^T, for C1 = A^T A and C2 = B^T B. If either set has no more
    rows than features, A and B are the centred rows. Otherwise C1 = L L^T, and the singular values are the square roots
    of the eigenvalues of the symmetric L^T C2 L. Both are faster than the square root of the product, and as exact.

    Args:
        first, second: (N, D) and (M, D) features; with N <= D or M <= D the covariances are singular, and the distance
            is large.
    Source:
        Dowson and Landau 1982; Heusel et al. 2017.
    """
    first, second = first.double(), second.double()
    shift = (first.mean(0) - second.mean(0)).square().sum()
    one, other = _centred(first), _centred(second)
    if min(len(one), len(other)) <= one.shape[1]:
        overlap = torch.linalg.svdvals(one @ other.T).sum()
    else:
        root = _root(_symmetric(one, one))
        overlap = torch.linalg.eigvalsh(_symmetric(root, _symmetric(other, other) @ root)).clamp(min=0).sqrt().sum()
    traces = torch.linalg.vector_norm(one).square() + torch.linalg.vector_norm(other).square()
    return max(float(shift + traces - 2 * overlap), 0.0)


def _centred(rows: Tensor) -> Tensor:
    """Return A, for which A^T A is the covariance of the rows."""
    return (rows - rows.mean(0)).div_(math.sqrt(len(rows) - 1))


def _symmetric(left: Tensor, right: Tensor) -> Tensor:
    """Compute a product A^T B that is symmetric, by blocks on and above the diagonal: 10 of 16 times the work."""
    size = left.shape[1]
    block = -(-size // SYMMETRIC_BLOCKS)
    product = left.new_empty(size, size)
    for start in range(0, size, block):
        stop = start + block
        product[start:stop, start:] = left[:, start:stop].T @ right[:, start:]
        product[stop:, start:stop] = product[start:stop, stop:].T
    return product


def _root(covariance: Tensor) -> Tensor:
    """Return L, for which L L^T is the covariance, even a singular one."""
    root, failed = torch.linalg.cholesky_ex(covariance)
    if not bool(failed):
        return root
    values, vectors = torch.linalg.eigh(covariance)
    return vectors * values.clamp(min=0).sqrt()
