"""BEGAN's generator: uniform noise, and a decoder of noise and condition."""

import pytest
import torch

from facegen.core.batch import DataSpec
from facegen.core.errors import RecipeError
from facegen.parts.generators.began import Began


def test_noise_is_uniform():
    torch.manual_seed(0)
    noise = Began(DataSpec(16), 3, noise_dim=64, num_filters=2).noise(1000, torch.device("cpu")).flatten()
    assert noise.min() >= -1
    assert noise.max() <= 1
    counts = torch.histc(noise, bins=10, min=-1, max=1)
    torch.testing.assert_close(counts, torch.full((10,), 6400.0), rtol=0.05, atol=0)


@pytest.mark.parametrize("pixels", [16, 48, 64, 128])
def test_sizes(pixels):
    generator = Began(DataSpec(pixels), 3, noise_dim=2, num_filters=2)
    faces = generator(torch.rand(2, 2), torch.randn(2, 3))
    assert faces.shape == (2, 3, pixels, pixels)
    assert faces.abs().max() <= 1


def test_is_the_decoder_of_noise_and_condition():
    generator = Began(DataSpec(16), 3, noise_dim=2, num_filters=2)
    noise, condition = torch.rand(2, 2), torch.randn(2, 3)
    expected = generator.decoder(torch.cat([noise, condition], 1)).tanh()
    torch.testing.assert_close(generator(noise, condition), expected)


def test_input_weights_and_generator_without_noise():
    generator = Began(DataSpec(16), 3, noise_dim=2, num_filters=2)
    noise, condition = generator.input_weights()
    assert noise.shape == (2 * 8 * 8, 2)
    assert condition.shape == (2 * 8 * 8, 3)
    with torch.no_grad():
        noise.zero_()
    assert torch.equal(*(generator(torch.rand(1, 2), torch.ones(1, 3)) for _ in range(2)))
    without = Began(DataSpec(16), 3, noise_dim=0, num_filters=2)
    assert without.input_weights() is None
    assert without.noise(2, torch.device("cpu")).shape == (2, 0)


def test_a_size_out_of_reach_is_refused():
    with pytest.raises(RecipeError, match=r"began: data\.image_pixels = 50"):
        Began(DataSpec(50), 2)
