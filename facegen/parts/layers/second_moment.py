"""Conditions with the second moment of noise."""

from torch import Tensor
from torch.nn import functional


def normalise_second_moment(condition: Tensor) -> Tensor:
    """Scale each row to length sqrt(d), the length of standard normal noise of that width: (B, d) -> (B, d)."""
    return functional.normalize(condition, dim=1) * condition.shape[1] ** 0.5
