"""A projection of the condition."""

import numpy as np
import pytest
import torch
from conditions import SPEC, condition_of

from facegen.parts.transforms.linear import Linear


@pytest.mark.parametrize(("activation", "slope"), [("none", 1.0), ("leaky_relu", 0.2)])
def test_linear_maps_both_conditions_alike(agree, activation, slope):
    linear = Linear(SPEC, 3, width=5, activation=activation).double()
    weight, bias = linear.projection.weight.detach().numpy(), linear.projection.bias.detach().numpy()
    assert linear.condition_dim == 5

    def terms(given):
        before = condition_of(given.generator, given.critic)
        after = linear(before, None)
        assert after.encoding is before.encoding
        return {"generator": after.generator.square().sum(), "critic": after.critic.square().sum()}

    def formula(**conditions):
        projected = {name: values @ weight.T + bias for name, values in conditions.items()}
        return {name: np.where(v > 0, v**2, (slope * v) ** 2).sum() for name, v in projected.items()}

    generator, critic = np.random.default_rng(0).normal(size=(2, 4, 3))
    agree(terms, formula, generator=generator, critic=critic)


def test_shared_conditions_stay_shared():
    after = Linear(SPEC, 3)(condition_of(torch.randn(2, 3)), None)
    assert after.critic is after.generator
