"""BEGAN's decoder: sizes, weights and places of the upsampling."""

import pytest
import torch
from torch.nn import functional

from facegen.core.errors import RecipeError
from facegen.parts.layers.began_decoder import BeganDecoder
from facegen.parts.layers.folded import UpsampleConv2d


def test_weights_at_64_pixels():
    decoder = BeganDecoder(64, 128, 64)
    convolutions = [layer for layer in decoder.layers if isinstance(layer, torch.nn.Conv2d)]
    assert [isinstance(layer, UpsampleConv2d) for layer in convolutions] == [False, False] + 3 * [True, False]
    expected = 65 * 128 * 8 * 8 + 8 * (9 * 128 * 128 + 128) + (9 * 128 * 3 + 3)
    assert sum(weight.numel() for weight in decoder.parameters()) == expected


@pytest.mark.parametrize(("pixels", "base"), [(8, 8), (16, 8), (48, 12), (128, 8)])
def test_sizes(pixels, base):
    decoder = BeganDecoder(5, 2, pixels)
    assert decoder.base_pixels == base
    assert decoder(torch.randn(3, 5)).shape == (3, 3, pixels, pixels)


def test_agrees_with_the_formula():
    torch.manual_seed(0)
    decoder = BeganDecoder(5, 4, 16).double()
    vector = torch.randn(2, 5, dtype=torch.float64)
    hidden = decoder.stem(vector).view(2, 8, 8, 4).permute(0, 3, 1, 2)
    for layer in decoder.layers[::2]:
        if isinstance(layer, UpsampleConv2d):
            hidden = functional.interpolate(hidden, scale_factor=2, mode="nearest")
        hidden = functional.elu(functional.conv2d(hidden, layer.weight, layer.bias, padding=1))
    expected = functional.conv2d(hidden, decoder.to_rgb.weight, decoder.to_rgb.bias, padding=1)
    torch.testing.assert_close(decoder(vector), expected)


def test_a_size_out_of_reach_is_refused_with_the_name_of_the_part():
    with pytest.raises(RecipeError, match="autoencoder: data"):
        BeganDecoder(5, 4, 50, "autoencoder")
