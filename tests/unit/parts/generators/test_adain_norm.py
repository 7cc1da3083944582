"""Adaptive instance norm against its formula in float64."""

import pytest
import torch

from facegen.parts.generators.adain import AdaptiveInstanceNorm


@pytest.fixture
def layer():
    torch.manual_seed(0)
    norm = AdaptiveInstanceNorm(3, 4).double()
    torch.nn.init.normal_(norm.style.weight)
    torch.nn.init.normal_(norm.style.bias)
    return norm


def formula(layer, images, style):
    gain, offset = (style @ layer.style.weight.T + layer.style.bias).split(4, dim=1)
    mean = images.mean(dim=(2, 3), keepdim=True)
    variance = images.var(dim=(2, 3), correction=0, keepdim=True)
    normal = (images - mean) / (variance + 1e-5).sqrt()
    return (1 + gain)[..., None, None] * normal + offset[..., None, None]


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_values_and_gradients_agree_with_the_formula(layer, memory_format):
    images = (5 + 2 * torch.randn(2, 4, 3, 5, dtype=torch.float64)).contiguous(memory_format=memory_format)
    images.requires_grad_()
    style = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    result, expected = layer(images, style), formula(layer, images, style)
    torch.testing.assert_close(result, expected)
    assert result.is_contiguous(memory_format=memory_format)
    inputs = (images, style, layer.style.weight, layer.style.bias)
    direction = torch.randn_like(expected)
    gradients = torch.autograd.grad(result, inputs, direction)
    for gradient, due in zip(gradients, torch.autograd.grad(expected, inputs, direction), strict=True):
        torch.testing.assert_close(gradient, due)


def test_gradients_are_finite_differences(layer):
    images = torch.randn(2, 4, 2, 2, dtype=torch.float64, requires_grad=True)
    style = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, (images, style))


def test_styles_start_without_effect():
    norm = AdaptiveInstanceNorm(3, 4)
    images = 7 + 3 * torch.randn(2, 4, 8, 8)
    result = norm(images, torch.randn(2, 3))
    torch.testing.assert_close(result.mean(dim=(2, 3)), torch.zeros(2, 4), atol=1e-5, rtol=0)
    torch.testing.assert_close(result.var(dim=(2, 3), correction=0), torch.ones(2, 4), atol=1e-4, rtol=0)


def test_a_constant_channel_is_not_divided_by_zero():
    norm = AdaptiveInstanceNorm(3, 1)
    images = torch.full((1, 1, 2, 2), 3.0, requires_grad=True)
    result = norm(images, torch.ones(1, 3))
    result.sum().backward()
    assert (result == 0).all()
    assert images.grad.isfinite().all()
