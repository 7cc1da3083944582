"""Weights in 8 bits: rows keep their scale, and every number is off by half a step at most."""

import torch

from facegen.training.runs.eight_bits import quantised, restored


def test_numbers_are_off_by_half_a_step_of_their_row() -> None:
    torch.manual_seed(0)
    weights = torch.randn(5, 3, 4, 4) * torch.tensor([1e-6, 1e-3, 1.0, 50.0, 0.0])[:, None, None, None]
    values, scale = quantised(weights)
    assert values.dtype == torch.int8 and values.shape == weights.shape and scale.shape == (5,)
    steps = weights.flatten(1).abs().amax(dim=1) / 127
    errors = (restored(values, scale) - weights).flatten(1).abs().amax(dim=1)
    assert bool((errors <= 0.5001 * steps).all()) and float(errors[4]) == 0
