"""Conditional batch norm against its formula, in both modes."""

import pytest
import torch

from facegen.parts.generators.self_attention import ConditionalBatchNorm2d


def test_agrees_with_the_formula_in_both_modes():
    torch.manual_seed(0)
    layer = ConditionalBatchNorm2d(4, 3).double()
    torch.nn.init.normal_(layer.style.weight)
    torch.nn.init.normal_(layer.style.bias)
    images, style = torch.randn(5, 3, 2, 2, dtype=torch.float64) * 3 + 1, torch.randn(5, 4, dtype=torch.float64)
    gain, offset = (style @ layer.style.weight.T + layer.style.bias)[:, :, None, None].chunk(2, 1)
    mean = images.mean(dim=(0, 2, 3), keepdim=True)
    variance = images.var(dim=(0, 2, 3), keepdim=True, unbiased=False)
    expected = (1 + gain) * (images - mean) / (variance + 1e-5).sqrt() + offset
    torch.testing.assert_close(layer(images, style), expected)
    unbiased = variance * 20 / 19
    expected = (1 + gain) * (images - 0.1 * mean) / (0.9 + 0.1 * unbiased + 1e-5).sqrt() + offset
    torch.testing.assert_close(layer.eval()(images, style), expected)


def test_style_has_a_small_effect_at_the_start():
    torch.manual_seed(0)
    style = ConditionalBatchNorm2d(64, 32).style
    num = style.weight.numel()
    assert style.weight.std().item() == pytest.approx(0.02, rel=5 / (2 * num) ** 0.5)
    assert not style.bias.any()
