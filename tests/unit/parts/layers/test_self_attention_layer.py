"""Self-attention against its formula, its start, and its second derivatives."""

import pytest
import torch

from facegen.parts.layers.self_attention import SelfAttention2d, nearest_size


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return SelfAttention2d(16).double()


def test_it_starts_as_the_identity(layer):
    images = torch.randn(2, 16, 5, 3, dtype=torch.float64)
    assert torch.equal(layer(images), images)


def test_agrees_with_the_formula(layer):
    images = torch.randn(2, 16, 5, 3, dtype=torch.float64)
    torch.nn.init.constant_(layer.gamma, 0.7)
    query, key, value = (
        torch.einsum("oc,bchw->bohw", getattr(layer, name).weight[:, :, 0, 0], images)
        for name in ("query", "key", "value")
    )
    assert query.shape[1] == key.shape[1] == 2
    products = torch.einsum("bchw,bcxy->bhwxy", query, key)
    weights = products.exp() / products.exp().sum(dim=(3, 4), keepdim=True)
    expected = images + 0.7 * torch.einsum("bhwxy,bcxy->bchw", weights, value)
    torch.testing.assert_close(layer(images), expected)


def test_can_be_differentiated_twice(layer):
    torch.nn.init.constant_(layer.gamma, 0.7)
    images = torch.randn(1, 16, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(layer, images)


def test_keeps_the_memory_format(layer):
    images = torch.randn(2, 16, 4, 4, dtype=torch.float64).to(memory_format=torch.channels_last)
    assert layer(images).is_contiguous(memory_format=torch.channels_last)


def test_the_nearest_size_is_the_least_factor_away():
    assert nearest_size([8, 16, 32, 64], 32) == 32
    assert nearest_size([12, 24, 48], 32) == 24  # 32 / 24 = 1.33, 48 / 32 = 1.5
    assert nearest_size([4, 8], 32) == 8
    assert nearest_size([64, 16], 32) == 16
