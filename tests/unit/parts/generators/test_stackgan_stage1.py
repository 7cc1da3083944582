"""StackGAN's first stage: widths, weights, formula, sizes."""

import pytest
import torch
from torch.nn import functional

from facegen.core.batch import DataSpec
from facegen.core.errors import RecipeError
from facegen.parts.generators.stackgan_stage1 import StackganStage1
from facegen.parts.layers.folded import UpsampleConv2d


@pytest.fixture
def generator():
    torch.manual_seed(0)
    return StackganStage1(DataSpec(32), 6, noise_dim=5, width=4)


def test_widths_and_weights_at_64_pixels():
    with torch.device("meta"):
        generator = StackganStage1(DataSpec(64), 128)
    convolutions = [block[0] for block in generator.layers]
    assert all(isinstance(conv, UpsampleConv2d) for conv in convolutions)
    assert [conv.in_channels for conv in convolutions] == [1024, 512, 256, 128]
    assert [conv.out_channels for conv in convolutions] == [512, 256, 128, 64]
    stem, norms = 228 * 1024 * 16, 2 * (1024 * 16 + 512 + 256 + 128 + 64)
    kernels = 9 * (1024 * 512 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 3)
    assert sum(weight.numel() for weight in generator.parameters()) == stem + norms + kernels


@pytest.mark.parametrize("pixels", [16, 48, 64, 128])
def test_sizes(pixels):
    generator = StackganStage1(DataSpec(pixels), 3, noise_dim=2, width=2)
    faces = generator(torch.randn(4, 2), torch.randn(4, 3))
    assert faces.shape == (4, 3, pixels, pixels)
    assert faces.abs().max() <= 1


def test_agrees_with_the_formula(generator):
    generator = generator.double()
    for weight in generator.parameters():
        torch.nn.init.normal_(weight, 0, 0.3)

    def normed(hidden, layer):
        return functional.batch_norm(hidden, None, None, layer.weight, layer.bias, training=True)

    noise, condition = torch.randn(3, 5, dtype=torch.float64), torch.randn(3, 6, dtype=torch.float64)
    hidden = torch.cat([noise, condition], 1) @ generator.stem.weight.T
    hidden = normed(hidden, generator.norm).relu().view(3, 4, 4, 16).permute(0, 3, 1, 2)
    for conv, norm, _ in generator.layers:
        hidden = functional.interpolate(hidden, scale_factor=2, mode="nearest")
        hidden = normed(functional.conv2d(hidden, conv.weight, padding=1), norm).relu()
    expected = functional.conv2d(hidden, generator.to_rgb.weight, padding=1).tanh()
    torch.testing.assert_close(generator(noise, condition), expected)


def test_input_weights_are_the_columns_that_read_noise_and_condition(generator):
    noise, condition = generator.input_weights()
    assert noise.shape == (16 * 16, 5)
    assert condition.shape == (16 * 16, 6)
    with torch.no_grad():
        noise.zero_()
    generator.eval()
    assert torch.equal(*(generator(torch.randn(1, 5), torch.ones(1, 6)) for _ in range(2)))
    assert StackganStage1(DataSpec(16), 3, noise_dim=0, width=2).input_weights() is None


def test_stage_one_faces_are_independent_of_other_rows_in_eval_mode(generator):
    noise, condition = torch.randn(3, 5), torch.randn(3, 6)
    assert not torch.allclose(generator(noise, condition)[:2], generator(noise[:2], condition[:2]), atol=1e-3)
    generator.eval()
    torch.testing.assert_close(generator(noise, condition)[:2], generator(noise[:2], condition[:2]))


def test_a_size_out_of_reach_is_refused():
    with pytest.raises(RecipeError, match=r"stackgan_stage1: data\.image_pixels = 50"):
        StackganStage1(DataSpec(50), 2)
