"""The AdaIN generator: sizes, weights, and effects of noise and condition."""

import pytest
import torch
from torch.nn import functional

from facegen.core.batch import DataSpec
from facegen.core.errors import RecipeError
from facegen.parts.generators.adain import Adain
from facegen.parts.layers.folded import UpsampleConv2d


@pytest.fixture
def generator():
    torch.manual_seed(0)
    return Adain(DataSpec(32), 6, noise_dim=5, width=4, max_width=16)


def test_layers_and_weights_at_full_size():
    with torch.device("meta"):
        generator = Adain(DataSpec(128), 128)
        faces = generator(torch.zeros(2, 128), torch.zeros(2, 128))
    assert faces.shape == (2, 3, 128, 128)
    pairs = [(layer.conv.in_channels, layer.conv.out_channels) for layer in generator.layers]
    ups = [(1024, 1024), (1024, 512), (512, 256), (256, 128), (128, 64)]
    assert pairs == [pair for before, after in ups for pair in ((before, after), (after, after))]
    assert [isinstance(layer.conv, UpsampleConv2d) for layer in generator.layers] == [True, False] * 5
    convolutions = sum(9 * before * after for before, after in pairs)
    styles = sum((128 + 1) * 2 * after for _, after in pairs)
    stem, to_rgb = (256 + 1) * 16 * 1024, 9 * 64 * 3 + 3
    assert sum(weight.numel() for weight in generator.parameters()) == stem + convolutions + styles + to_rgb


@pytest.mark.parametrize(("pixels", "base"), [(16, 4), (48, 6), (80, 5), (112, 7)])
def test_sizes(pixels, base):
    generator = Adain(DataSpec(pixels), 2, width=2, noise_dim=3)
    assert generator.base_pixels == base
    assert generator(torch.randn(2, 3), torch.randn(2, 2)).shape == (2, 3, pixels, pixels)


def test_a_size_out_of_reach_is_refused():
    with pytest.raises(RecipeError, match=r"adain: data\.image_pixels = 50"):
        Adain(DataSpec(50), 2)


def test_each_size_has_one_convolution():
    generator = Adain(DataSpec(32), 2, width=2, convolutions=1)
    assert [type(layer.conv) for layer in generator.layers] == [UpsampleConv2d] * 3


@pytest.mark.parametrize("style", ["condition", "noise_and_condition"])
def test_noise_and_condition_change_the_face_from_the_start(style):
    torch.manual_seed(0)
    generator = Adain(DataSpec(32), 6, noise_dim=5, width=4, style=style)
    noise, condition = torch.randn(2, 5), torch.randn(2, 6)
    first = generator(noise[:1], condition[:1])
    assert first.abs().max() < 1
    assert first.std() > 0.1
    # A generator whose norm had removed its input would move by rounding only.
    assert (generator(noise[1:], condition[:1]) - first).abs().mean() > 0.05
    assert (generator(noise[:1], condition[1:]) - first).abs().mean() > 0.05


@pytest.mark.parametrize("style", ["condition", "noise_and_condition"])
def test_agrees_with_the_formula(style):
    torch.manual_seed(0)
    generator = Adain(DataSpec(16), 6, noise_dim=5, width=2, style=style).double()
    for weight in generator.parameters():
        torch.nn.init.normal_(weight, 0, 0.3)
    noise, condition = torch.randn(2, 5, dtype=torch.float64), torch.randn(2, 6, dtype=torch.float64)
    both = torch.cat([noise, condition], 1)
    style_input = condition if style == "condition" else both
    hidden = functional.leaky_relu(both @ generator.stem.weight.T + generator.stem.bias, 0.2)
    hidden = hidden.view(2, 4, 4, 8).permute(0, 3, 1, 2)
    for number, layer in enumerate(generator.layers):
        if number % 2 == 0:
            hidden = functional.interpolate(hidden, scale_factor=2, mode="nearest")
        normal = functional.instance_norm(functional.conv2d(hidden, layer.conv.weight, padding=1))
        linear = layer.norm.style
        gain, offset = (style_input @ linear.weight.T + linear.bias)[:, :, None, None].chunk(2, 1)
        hidden = functional.leaky_relu((1 + gain) * normal + offset, 0.2)
    expected = functional.conv2d(hidden, generator.to_rgb.weight, generator.to_rgb.bias, padding=1).tanh()
    torch.testing.assert_close(generator(noise, condition), expected)


def test_every_weight_learns(generator):
    torch.nn.init.normal_(generator.layers[0].norm.style.weight)
    generator(torch.randn(3, 5), torch.randn(3, 6)).square().mean().backward()
    assert all(weight.grad.abs().max() > 0 for weight in generator.parameters())


def test_the_condition_is_normalised_to_the_length_of_noise(generator):
    noise, condition = torch.randn(2, 5), torch.randn(2, 6)
    assert not torch.allclose(generator(noise, condition), generator(noise, 10 * condition))
    generator.normalise_condition = True
    torch.testing.assert_close(generator(noise, condition), generator(noise, 10 * condition))
    length = condition.norm(dim=1, keepdim=True)
    normal = generator(noise, condition)
    generator.normalise_condition = False
    torch.testing.assert_close(normal, generator(noise, condition / length * 6**0.5))


def test_input_weights_are_the_columns_that_read_noise_and_condition(generator):
    noise, condition = generator.input_weights()
    assert noise.shape == (4 * 4 * 16, 5)
    assert condition.shape == (4 * 4 * 16, 6)
    with torch.no_grad():
        noise.zero_()
    faces = [generator(torch.randn(1, 5), torch.ones(1, 6)) for _ in range(2)]
    assert torch.equal(*faces)


def test_faces_are_independent_of_other_rows(generator):
    noise, condition = torch.randn(3, 5), torch.randn(3, 6)
    torch.testing.assert_close(
        generator(noise, condition)[:1], generator(noise[:1], condition[:1]), atol=1e-5, rtol=1e-4
    )


def test_autocast_returns_float32_faces(generator):
    with torch.autocast("cpu", torch.bfloat16):
        faces = generator(torch.randn(2, 5), torch.randn(2, 6))
    assert faces.dtype == torch.float32
