"""The deconvolutional generator with the settings of the thesis's published code."""

from dataclasses import replace

import pytest
import torch
from torch.nn.utils.parametrize import is_parametrized

from facegen.core.errors import RecipeError
from facegen.parts.generators.dcgan import Dcgan
from facegen.testing.samples import SMALL_DATA

DATA_64 = replace(SMALL_DATA, image_pixels=64)


def test_channel_dropout_drops_whole_channels_of_all_layers_but_the_last_two_and_of_the_colours():
    torch.manual_seed(0)
    generator = Dcgan(DATA_64, 8, noise_dim=4, width=16, norm="none", dropout=0.25, dropout_channels=True).eval()
    layers, seen = [*generator.layers, generator.to_rgb], []
    for layer in layers:
        layer.register_forward_hook(lambda layer, inputs, output: seen.append((inputs[0], output)))
    faces = generator(torch.randn(60, 4), torch.randn(60, 8))
    shares = []
    for (_, made), (read, _) in zip(seen, [*seen[1:], (faces, None)], strict=True):
        expected = made.tanh() if read is faces else made
        whole = (read == 0).flatten(2).all(2) & (made != 0).flatten(2).any(2)
        shares.append(whole.float().mean().item())
        scaled = (made / 0.75).tanh() if read is faces else made / 0.75
        torch.testing.assert_close(read[~whole], scaled[~whole] if shares[-1] else expected[~whole])
    assert shares[3] == 0
    assert [shares[0], shares[1], shares[2], shares[4]] == pytest.approx([0.25] * 4, abs=0.12)


def test_spectral_norm_of_the_last_layer_is_a_setting():
    assert is_parametrized(Dcgan(DATA_64, 8, width=4, norm="spectral", norm_last=True).to_rgb)
    assert not is_parametrized(Dcgan(DATA_64, 8, width=4, norm="spectral").to_rgb)
    with pytest.raises(RecipeError, match=r"norm_last = true with norm = 'batch': set norm = 'spectral'"):
        Dcgan(DATA_64, 8, norm="batch", norm_last=True)
