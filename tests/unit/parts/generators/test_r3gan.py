"""R3GAN's generator: weights, start, sizes."""

import pytest
import torch

from facegen.core.batch import DataSpec
from facegen.core.errors import RecipeError
from facegen.parts.generators.r3gan import R3gan
from facegen.parts.layers.r3gan_blocks import ResidualBlock, Upsample


@pytest.fixture
def generator():
    torch.manual_seed(0)
    return R3gan(DataSpec(32), 6, noise_dim=5, embedding_dim=7, width=8, blocks=1, group_channels=4)


def test_layers_and_weights_at_64_pixels():
    with torch.device("meta"):
        generator = R3gan(DataSpec(64), 128)
    stage = [Upsample, ResidualBlock, ResidualBlock]
    assert [type(layer) for layer in generator.layers] == stage[1:] + 4 * stage
    widths = 4 * [768] + [384]
    blocks = sum(2 * (2 * c * 2 * c + 9 * 16 * 2 * c + 2 * 2 * c) for c in widths)
    first = 128 * 64 + (64 + 64) * 768 + 4 * 4 * 768
    assert sum(weight.numel() for weight in generator.parameters()) == first + blocks + 768 * 384 + 384 * 3


def test_no_layer_but_the_blocks_has_a_bias(generator):
    names = [name for name, _ in generator.named_parameters() if name.endswith("bias")]
    assert names
    assert all(name.split(".")[-2] in ("widen", "mix") for name in names)


@pytest.mark.parametrize("pixels", [16, 48, 64, 128])
def test_sizes(pixels):
    generator = R3gan(DataSpec(pixels), 3, noise_dim=2, width=8, blocks=1, group_channels=2)
    faces = generator(torch.randn(2, 2), torch.randn(2, 3))
    assert faces.shape == (2, 3, pixels, pixels)
    assert faces.abs().max() <= 1


def test_starts_as_a_learnt_constant_scaled_by_noise_and_condition(generator):
    noise, condition = torch.randn(2, 5), torch.randn(2, 6)
    scales = torch.cat([noise, condition @ generator.embedding.weight.T], 1) @ generator.scales.weight.T
    hidden = torch.einsum("bc,hwc->bchw", scales, generator.basis)
    for layer in generator.layers:
        if isinstance(layer, Upsample):  # the blocks add nothing yet
            hidden = layer(hidden)
    expected = torch.einsum("oc,bchw->bohw", generator.to_rgb.weight[:, :, 0, 0], hidden).tanh()
    torch.testing.assert_close(generator(noise, condition), expected)


def test_length_of_a_normalised_condition_has_no_effect(generator):
    noise, condition = torch.randn(2, 5), torch.randn(2, 6)
    assert not torch.allclose(generator(noise, condition), generator(noise, 10 * condition))
    generator.normalise_condition = True
    torch.testing.assert_close(generator(noise, condition), generator(noise, 10 * condition))


def test_every_weight_learns(generator):
    for layer in generator.layers:
        if isinstance(layer, ResidualBlock):
            torch.nn.init.normal_(layer.narrow.weight)
    generator(torch.randn(3, 5), torch.randn(3, 6)).square().mean().backward()
    assert all(weight.grad.abs().max() > 0 for weight in generator.parameters())


def test_input_weights_are_the_columns_that_read_noise_and_embedding(generator):
    noise, condition = generator.input_weights()
    assert noise.shape == (8, 5)
    assert condition.shape == (8, 7)
    without = R3gan(DataSpec(16), 3, noise_dim=0, width=8)
    assert without.input_weights() is None


def test_bad_widths_and_sizes_are_refused():
    with pytest.raises(RecipeError, match=r"r3gan: data\.image_pixels = 50"):
        R3gan(DataSpec(50), 2)
    with pytest.raises(RecipeError, match="group_channels = 16 does not divide"):
        R3gan(DataSpec(64), 2, width=20)
