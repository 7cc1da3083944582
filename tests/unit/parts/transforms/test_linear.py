"""A projection of the condition."""

import torch
from conditions import SPEC, condition_of

from facegen.parts.transforms.linear import Linear


def test_it_is_the_matrix_and_the_bias_for_both_networks():
    linear = Linear(SPEC, 3, width=5)
    before = condition_of(torch.randn(2, 3), torch.randn(2, 3))
    after = linear(before, None)
    weight, bias = linear.projection.weight.double(), linear.projection.bias.double()
    for name in ("generator", "critic"):
        expected = getattr(before, name).double() @ weight.T + bias
        torch.testing.assert_close(getattr(after, name).double(), expected, rtol=1e-5, atol=1e-6)
    assert after.encoding is before.encoding and linear.condition_dim == 5


def test_what_is_one_stays_one():
    after = Linear(SPEC, 3)(condition_of(torch.randn(2, 3)), None)
    assert after.critic is after.generator


def test_leaky_relu():
    linear = Linear(SPEC, 1, width=2, activation="leaky_relu")
    torch.nn.init.zeros_(linear.projection.weight)
    linear.projection.bias.data = torch.tensor([3.0, -3.0])
    after = linear(condition_of(torch.zeros(1, 1)), None)
    torch.testing.assert_close(after.generator, torch.tensor([[3.0, -0.6]]))
