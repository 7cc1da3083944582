"""voice2face's generator: widths, kernels, weights, start."""

import pytest
import torch
from torch.nn import functional

from facegen.core.batch import DataSpec
from facegen.core.errors import RecipeError
from facegen.parts.generators.voice2face import Voice2face


def test_layers_at_64_pixels():
    with torch.device("meta"):
        generator = Voice2face(DataSpec(64), 64)
    assert [conv.out_channels for conv in generator.layers] == [1024, 512, 256, 128, 64]
    assert [(conv.kernel_size[0], conv.stride[0], conv.padding[0]) for conv in generator.layers] == [
        (4, 1, 0),
        *4 * [(4, 2, 1)],
    ]
    pairs = [(64, 1024), (1024, 512), (512, 256), (256, 128), (128, 64)]
    expected = sum(16 * before * after + after for before, after in pairs) + 64 * 3 + 3
    assert sum(weight.numel() for weight in generator.parameters()) == expected


@pytest.mark.parametrize("pixels", [16, 48, 64, 128])
def test_sizes(pixels):
    generator = Voice2face(DataSpec(pixels), 3, width=2)
    faces = generator(torch.zeros(2, 0), torch.randn(2, 3))
    assert faces.shape == (2, 3, pixels, pixels)
    assert faces.abs().max() <= 1


def test_agrees_with_the_formula():
    torch.manual_seed(0)
    generator = Voice2face(DataSpec(16), 3, width=2).double()
    condition = torch.randn(2, 3, dtype=torch.float64)
    hidden = condition[:, :, None, None]
    for conv, (stride, padding) in zip(generator.layers, [(1, 0), (2, 1), (2, 1)], strict=True):
        torch.nn.init.normal_(conv.bias)
        hidden = functional.conv_transpose2d(hidden, conv.weight, conv.bias, stride, padding).relu()
    expected = torch.einsum("oc,bchw->bohw", generator.to_rgb.weight[:, :, 0, 0], hidden).tanh()
    torch.testing.assert_close(generator(torch.zeros(2, 0), condition), expected)


def test_layers_keep_the_scale_at_the_start():
    torch.manual_seed(0)
    generator = Voice2face(DataSpec(64), 64, width=8)
    hidden = functional.normalize(torch.randn(8, 64)) * 8
    for conv in generator.layers:
        hidden = conv(hidden).relu()
        # E relu(x)^2 = var(x) / 2; every layer has twice the variance that enters, in the mean square.
        assert hidden[..., 1:-1, 1:-1].square().mean().item() == pytest.approx(1.0, rel=0.5)


def test_a_size_out_of_reach_is_refused():
    with pytest.raises(RecipeError, match=r"voice2face: data\.image_pixels = 50"):
        Voice2face(DataSpec(50), 2)
