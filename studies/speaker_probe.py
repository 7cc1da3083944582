"""Linear probes on conditions."""

from dataclasses import dataclass

import torch
from torch import Tensor


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
