"""Weights in 8 bits with a scale per row, for the networks of a model file that only further training reads."""

import torch
from torch import Tensor

LARGEST = 127
SCALE = "#scale"
"""End of the name of the scales of a tensor."""


def quantised(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Round weights to 8 bits: w ~ scale * q, scale = max |w| of a row / 127.

    Returns:
        int8 of the shape of the weights, and the (rows,) float32 scales.
    """
    rows = weights.float().flatten(1)
    scale = (rows.abs().amax(dim=1) / LARGEST).clamp(min=torch.finfo(torch.float32).tiny)
    return (rows / scale[:, None]).round().to(torch.int8).view(weights.shape), scale


def restored(values: Tensor, scale: Tensor) -> Tensor:
    """Return the float32 weights of `quantised`."""
    return (values.float().flatten(1) * scale[:, None]).view(values.shape)
