"""SAGAN's generator: weights, place of the attention, spectral norm, inputs of the styles."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import functional

from facegen.core.batch import DataSpec
from facegen.core.errors import RecipeError
from facegen.parts.generators.self_attention import SelfAttention


@pytest.fixture
def generator():
    torch.manual_seed(0)
    return SelfAttention(DataSpec(32), 6, noise_dim=5, width=8, max_width=16)


def test_widths_and_weights_at_128_pixels():
    with torch.device("meta"):
        generator = SelfAttention(DataSpec(128), 128)
    channels = [1024, 1024, 512, 256, 128, 64]
    assert [block.first.out_channels for block in generator.blocks] == channels[1:]
    assert (generator.attention_pixels, generator.attention.value.out_channels) == (32, 256)
    expected = 129 * 1024 * 16 + (2 * 32 * 256 + 256 * 256 + 1) + 2 * 64 + (9 * 64 * 3 + 3)
    for before, after in pairwise(channels):
        expected += 9 * before * after + 9 * after * after + before * after + 3 * after
        expected += 129 * 2 * (before + after)
    assert sum(weight.numel() for weight in generator.parameters()) == expected


@pytest.mark.parametrize(("pixels", "attention"), [(16, 16), (48, 24), (64, 32), (128, 32)])
def test_sizes(pixels, attention):
    generator = SelfAttention(DataSpec(pixels), 3, noise_dim=2, width=2)
    seen = []
    generator.attention.register_forward_hook(lambda layer, inputs, output: seen.append(output.shape[2]))
    faces = generator(torch.randn(2, 2), torch.randn(2, 3))
    assert faces.shape == (2, 3, pixels, pixels)
    assert faces.abs().max() <= 1
    assert seen == [attention] == [generator.attention_pixels]


def test_every_convolution_is_divided_by_its_largest_singular_value(generator):
    generator.double().train()
    names = set()
    for name, layer in generator.named_modules():
        if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear):
            if not hasattr(layer, "parametrizations"):
                assert name.endswith("norm.style")
                continue
            names.add(name)
            for _ in range(300):
                layer.weight  # noqa: B018 (each use is one power iteration)
            matrix = layer.weight.detach().flatten(1).numpy()
            assert np.linalg.svd(matrix, compute_uv=False)[0] == pytest.approx(1, rel=1e-6)
    assert len(names) == 1 + 3 * 3 + 3 + 1


@pytest.mark.parametrize("style", ["condition", "noise_and_condition"])
def test_agrees_with_the_formula(style):
    torch.manual_seed(0)
    generator = SelfAttention(DataSpec(16), 6, noise_dim=5, width=8, attention_pixels=8, style=style).double()
    for weight in generator.parameters():
        torch.nn.init.normal_(weight, 0, 0.3)
    noise, condition = torch.randn(3, 5, dtype=torch.float64), torch.randn(3, 6, dtype=torch.float64)
    generator(noise, condition)  # running moments leave 0 and 1
    generator.eval()
    style_input = condition if style == "condition" else torch.cat([noise, condition], 1)

    def normed(hidden, layer):
        normal = functional.batch_norm(hidden, layer.norm.running_mean, layer.norm.running_var)
        gain, offset = (style_input @ layer.style.weight.T + layer.style.bias)[:, :, None, None].chunk(2, 1)
        return (1 + gain) * normal + offset

    def upsampled(hidden):
        return functional.interpolate(hidden, scale_factor=2, mode="nearest")

    def conv(hidden, layer, padding=1):
        return functional.conv2d(hidden, layer.weight, layer.bias, padding=padding)

    hidden = noise @ generator.stem.weight.T + generator.stem.bias
    hidden = hidden.view(3, 4, 4, 32).permute(0, 3, 1, 2)
    for number, block in enumerate(generator.blocks):
        residual = conv(upsampled(normed(hidden, block.first_norm).relu()), block.first)
        residual = conv(normed(residual, block.second_norm).relu(), block.second)
        hidden = residual + upsampled(conv(hidden, block.shortcut, padding=0))
        if number == 0:
            hidden = generator.attention(hidden)
    norm = generator.norm
    hidden = functional.batch_norm(hidden, norm.running_mean, norm.running_var, norm.weight, norm.bias)
    torch.testing.assert_close(generator(noise, condition), conv(hidden.relu(), generator.to_rgb).tanh())
    assert generator.input_weights() is None


def test_every_weight_learns(generator):
    torch.nn.init.ones_(generator.attention.gamma)
    generator(torch.randn(3, 5), torch.randn(3, 6)).sum().backward()
    assert all(weight.grad.abs().max() > 0 for weight in generator.parameters())


def test_faces_are_independent_of_other_rows_in_eval_mode(generator):
    noise, condition = torch.randn(3, 5), torch.randn(3, 6)
    assert not torch.allclose(generator(noise, condition)[:2], generator(noise[:2], condition[:2]), atol=1e-3)
    generator.eval()
    torch.testing.assert_close(generator(noise, condition)[:2], generator(noise[:2], condition[:2]))


def test_autocast_returns_float32_faces(generator):
    with torch.autocast("cpu", torch.bfloat16):
        faces = generator(torch.randn(2, 5), torch.randn(2, 6))
    assert faces.dtype == torch.float32


def test_a_size_out_of_reach_is_refused():
    with pytest.raises(RecipeError, match=r"self_attention: data\.image_pixels = 50"):
        SelfAttention(DataSpec(50), 2)
