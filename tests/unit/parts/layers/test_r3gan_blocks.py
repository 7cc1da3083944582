"""R3GAN's blocks: weights, start, and resampling against depthwise convolutions."""

import pytest
import torch
from torch.nn import functional

from facegen.core.errors import RecipeError
from facegen.parts.layers.r3gan_blocks import (
    ACTIVATION_GAIN,
    Downsample,
    ResidualBlock,
    Upsample,
    start_scaled,
    widths_by_size,
)


def test_weights_of_a_block():
    block = ResidualBlock(768, expansion=2, group_channels=16, num_blocks=10)
    assert block.mix.groups == 96
    sizes = {name: weight.numel() for name, weight in block.named_parameters()}
    assert sizes == {
        "widen.weight": 768 * 1536,
        "widen.bias": 1536,
        "mix.weight": 1536 * 16 * 9,
        "mix.bias": 1536,
        "narrow.weight": 1536 * 768,
    }


def test_block_starts_as_the_identity():
    torch.manual_seed(0)
    block = ResidualBlock(64, expansion=2, group_channels=16, num_blocks=16)
    images = torch.randn(2, 64, 4, 4)
    assert torch.equal(block(images), images)
    for layer, fan_in in ((block.widen, 64), (block.mix, 16 * 9)):
        expected = (2 / 1.04) ** 0.5 * 0.5 * fan_in**-0.5  # 16^(-1/4) = 0.5
        assert layer.weight.std().item() == pytest.approx(expected, rel=0.05)
        assert not layer.bias.any()


def test_block_agrees_with_the_formula():
    torch.manual_seed(0)
    block = ResidualBlock(4, expansion=2, group_channels=4, num_blocks=2).double()
    for weight in block.parameters():
        torch.nn.init.normal_(weight)
    images = torch.randn(2, 4, 5, 5, dtype=torch.float64)
    hidden = torch.einsum("oc,bchw->bohw", block.widen.weight[:, :, 0, 0], images) + block.widen.bias[:, None, None]
    hidden = torch.where(hidden > 0, hidden, 0.2 * hidden)
    halves = zip(hidden.chunk(2, 1), block.mix.weight.chunk(2, 0), strict=True)
    hidden = torch.cat([functional.conv2d(part, weight, padding=1) for part, weight in halves], 1)
    hidden = hidden + block.mix.bias[:, None, None]
    hidden = torch.where(hidden > 0, hidden, 0.2 * hidden)
    expected = images + torch.einsum("oc,bchw->bohw", block.narrow.weight[:, :, 0, 0], hidden)
    torch.testing.assert_close(block(images), expected)


def test_groups_that_do_not_divide_are_refused():
    with pytest.raises(RecipeError, match=r"20 channels times expansion = 1 are 20, which group_channels = 16"):
        ResidualBlock(20, expansion=1, group_channels=16, num_blocks=1)
    assert ResidualBlock(5, expansion=2, group_channels=16, num_blocks=1).mix.groups == 1


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_resampling_is_a_fixed_filter(memory_format):
    images = torch.randn(2, 3, 4, 6, dtype=torch.float64).to(memory_format=memory_format)
    line = torch.tensor([0.5, 1.0, 0.5], dtype=torch.float64)
    kernel = (line[:, None] * line).expand(3, 1, 3, 3)
    doubled = functional.conv_transpose2d(images, kernel, stride=2, groups=3)[..., :-1, :-1]
    torch.testing.assert_close(Upsample(3, 3)(images), doubled)
    halved = functional.conv2d(images, kernel / 4, stride=2, padding=1, groups=3)
    torch.testing.assert_close(Downsample(3, 3).double()(images), halved)


def test_resampling_keeps_a_plain_colour_away_from_the_edge():
    plain = torch.full((1, 2, 4, 4), 0.3)
    torch.testing.assert_close(Upsample(2, 2)(plain)[..., 1:, 1:], torch.full((1, 2, 7, 7), 0.3))
    torch.testing.assert_close(Downsample(2, 2)(plain)[..., 1:, 1:], torch.full((1, 2, 1, 1), 0.3))


@pytest.mark.parametrize("layer_class", [Upsample, Downsample])
def test_convolution_exists_only_if_channels_change(layer_class):
    assert not list(layer_class(6, 6).parameters())
    layer = layer_class(6, 4)
    assert [tuple(weight.shape) for weight in layer.parameters()] == [(4, 6, 1, 1)]
    assert layer(torch.zeros(1, 6, 4, 4)).shape[1] == 4


def test_scaled_weights_keep_the_scale():
    torch.manual_seed(0)
    weight = torch.empty(256, 256)
    start_scaled(weight, ACTIVATION_GAIN)
    hidden = functional.leaky_relu(torch.randn(512, 256), 0.2)
    assert (hidden @ weight.T).std().item() == pytest.approx(1.0, rel=0.03)


def test_widths_halve_beyond_32_pixels():
    assert widths_by_size(64, 768, "r3gan") == {4: 768, 8: 768, 16: 768, 32: 768, 64: 384}
    assert widths_by_size(128, 768, "r3gan")[128] == 192
    assert widths_by_size(48, 6, "r3gan") == {6: 6, 12: 6, 24: 6, 48: 3}
    assert widths_by_size(160, 5, "r3gan") == {5: 5, 10: 5, 20: 5, 40: 2, 80: 1, 160: 1}
    with pytest.raises(RecipeError, match="r3gan: data"):
        widths_by_size(50, 768, "r3gan")
