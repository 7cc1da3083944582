"""Folded layers against the two layers that each replaces."""

import pytest
import torch
from torch.nn import functional

from facegen.parts.layers.folded import ConvPool2d, UpsampleConv2d, fold, folding


def conv_pool(images, weight, bias):
    return functional.avg_pool2d(functional.conv2d(images, weight, bias, padding=1), 2)


def upsample_conv(images, weight, bias):
    return functional.conv2d(functional.interpolate(images, scale_factor=2, mode="nearest"), weight, bias, padding=1)


PAIRS = [pytest.param(ConvPool2d, conv_pool, id="pool"), pytest.param(UpsampleConv2d, upsample_conv, id="upsample")]


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("folded", "unfolded"), PAIRS)
def test_values_and_gradients_equal_those_of_two_layers(folded, unfolded, memory_format):
    torch.manual_seed(0)
    layer = folded(5, 7)
    images = torch.randn(2, 5, 6, 10).contiguous(memory_format=memory_format).requires_grad_()
    weights = (images, layer.weight, layer.bias)
    result, expected = layer(images), unfolded(*weights)
    torch.testing.assert_close(result, expected, atol=1e-5, rtol=0)
    direction = torch.randn_like(expected)
    gradients = torch.autograd.grad((result * direction).sum(), weights)
    for gradient, due in zip(gradients, torch.autograd.grad((expected * direction).sum(), weights), strict=True):
        assert (gradient - due).abs().max() <= 1e-5 * due.abs().max()


@pytest.mark.parametrize(("folded", "unfolded"), PAIRS)
def test_second_derivatives_equal_those_of_two_layers(folded, unfolded):
    torch.manual_seed(0)
    layer = folded(2, 3).double()
    images = torch.randn(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    weights = (images, layer.weight, layer.bias)

    def penalty(faces):
        (gradient,) = torch.autograd.grad(faces.pow(3).sum(), images, create_graph=True)
        return torch.autograd.grad(gradient.square().sum(), (images, layer.weight))

    for value, due in zip(penalty(layer(images)), penalty(unfolded(*weights)), strict=True):
        torch.testing.assert_close(value, due, rtol=1e-10, atol=1e-12)


def test_folded_layers_work_without_bias():
    layer = ConvPool2d(3, 4, bias=False)
    assert layer.bias is None
    images = torch.randn(1, 3, 4, 4)
    torch.testing.assert_close(layer(images), conv_pool(images, layer.weight, None))


def test_box_of_ones_counts_the_taps_that_overlap():
    expected = torch.outer(torch.tensor([1.0, 2, 2, 1]), torch.tensor([1.0, 2, 2, 1]))
    torch.testing.assert_close(fold(torch.ones(1, 1, 3, 3), folding())[0, 0], expected)
