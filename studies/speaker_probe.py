"""Linear probes on conditions, and rank correlations with intervals."""

from dataclasses import dataclass

import torch
from torch import Tensor

from facegen.core.statistics import Bootstrap, Estimate


@dataclass(frozen=True)
class Probe:
    """Ridge regression of one quantity on conditions.

    Attributes:
        mean, deviation: (D,) of the conditions.
        weights: (D,) of the standardised conditions.
        offset: mean of the quantity.
    """

    mean: Tensor
    deviation: Tensor
    weights: Tensor
    offset: Tensor

    @classmethod
    def fit(cls, conditions: Tensor, target: Tensor, strength: float = 1e-2) -> "Probe":
        """Fit on (N, D) conditions and (N,) values; `strength` is the ridge penalty per row."""
        rows, target = conditions.double(), target.double()
        mean, deviation = rows.mean(0), rows.std(0).clamp(min=1e-9)
        inputs, offset = (rows - mean) / deviation, target.mean()
        gram = inputs.T @ inputs + strength * len(rows) * torch.eye(rows.shape[1], dtype=torch.float64)
        return cls(mean, deviation, torch.linalg.solve(gram, inputs.T @ (target - offset)), offset)

    def read(self, conditions: Tensor) -> Tensor:
        """Read (N, D) conditions: (N,)."""
        return ((conditions.double() - self.mean) / self.deviation) @ self.weights + self.offset


def rank_correlation(one: Tensor, other: Tensor, people: Bootstrap) -> Estimate:
    """Compute Spearman's correlation of (N,) values with its interval over people.

    Ranks are those of all rows; resamples weight the rows.
    """
    x, y = _ranks(one), _ranks(other)
    sums = people.sums(torch.stack([x, y, x * x, y * y, x * y], dim=1))

    def statistic(weights: Tensor) -> Tensor:
        mx, my, xx, yy, xy = ((weights @ sums) / (weights @ people.num_rows)[:, None]).unbind(1)
        return (xy - mx * my) / ((xx - mx * mx) * (yy - my * my)).sqrt()

    return people.estimate(statistic)


def _ranks(values: Tensor) -> Tensor:
    """Return ranks from 0; equal values share their mean rank."""
    values = values.double()
    less = (values[None] < values[:, None]).sum(1)
    not_more = (values[None] <= values[:, None]).sum(1)
    return (less + not_more - 1).double() / 2
