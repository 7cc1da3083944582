"""Conditions as long as noise."""

from torch import Tensor
from torch.nn import functional


def normalise_second_moment(condition: Tensor) -> Tensor:
    """(B, d) -> (B, d) of length sqrt(d), what normal noise of that width has, whatever the encoder's scale."""
    return functional.normalize(condition, dim=1) * condition.shape[1] ** 0.5
