"""The deconvolutional generator: widths of the thesis, and dropout in both modes."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import functional
from torch.nn.utils.parametrize import is_parametrized

from facegen.core.errors import RecipeError
from facegen.parts.generators.dcgan import Dcgan
from facegen.testing.samples import SMALL_DATA

DATA_64 = replace(SMALL_DATA, image_pixels=64)


def test_layers_of_the_thesis():
    generator = Dcgan(DATA_64, 128)
    convs = [*(layer.conv for layer in generator.layers), generator.to_rgb]
    assert [conv.out_channels for conv in convs] == [512, 256, 128, 64, 3]
    assert [(conv.kernel_size[0], conv.stride[0], conv.padding[0]) for conv in convs] == [(4, 1, 0)] + 4 * [(4, 2, 1)]
    weights = 228 * 512 * 16 + 512 * 256 * 16 + 256 * 128 * 16 + 128 * 64 * 16 + 64 * 3 * 16 + 3
    norms = 2 * (512 + 256 + 128 + 64)
    assert sum(weight.numel() for weight in generator.parameters()) == weights + norms


@pytest.mark.parametrize("pixels", [16, 48, 64, 96])
@pytest.mark.parametrize("norm", ["batch", "spectral", "none"])
def test_every_image_size_is_accepted(pixels, norm):
    generator = Dcgan(replace(SMALL_DATA, image_pixels=pixels), 8, noise_dim=4, width=4, max_width=8, norm=norm)
    faces = generator(generator.noise(3, torch.device("cpu")), torch.randn(3, 8))
    assert faces.shape == (3, 3, pixels, pixels)
    assert bool((faces.abs() <= 1).all())


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_agrees_with_the_formula(norm):
    torch.manual_seed(0)
    data = replace(SMALL_DATA, image_pixels=32)
    generator = Dcgan(data, 5, noise_dim=4, width=2, norm=norm, condition_projection=3, residual=True).double()
    for weight in generator.parameters():
        torch.nn.init.normal_(weight, 0, 0.3)

    def normed(hidden, layer):
        if norm == "none":
            return hidden
        return functional.batch_norm(hidden, None, None, layer.weight, layer.bias, training=True)

    noise, condition = torch.randn(3, 4, dtype=torch.float64), torch.randn(3, 5, dtype=torch.float64)
    projected = functional.leaky_relu(condition @ generator.projector.weight.T + generator.projector.bias, 0.2)
    hidden = torch.cat([noise, projected], 1)[:, :, None, None]
    for number, layer in enumerate(generator.layers):
        stride, padding = (2, 1) if number else (1, 0)
        hidden = normed(
            functional.conv_transpose2d(hidden, layer.conv.weight, layer.conv.bias, stride, padding), layer.norm
        )
        if number < 2:
            first, first_norm, _, second, second_norm, _, third, third_norm = layer.residual
            added = normed(functional.conv2d(hidden, first.weight, first.bias), first_norm).relu()
            added = normed(functional.conv2d(added, second.weight, second.bias, padding=1), second_norm).relu()
            hidden = hidden + normed(functional.conv2d(added, third.weight, third.bias, padding=1), third_norm)
        hidden = hidden.relu()
    expected = functional.conv_transpose2d(hidden, generator.to_rgb.weight, generator.to_rgb.bias, 2, 1).tanh()
    torch.testing.assert_close(generator(noise, condition), expected)


def test_generator_without_noise_reads_the_condition_alone():
    generator = Dcgan(DATA_64, 8, noise_dim=0, width=4).eval()
    noise = generator.noise(2, torch.device("cpu"))
    condition = torch.randn(1, 8).expand(2, -1)
    assert noise.shape == (2, 0) and generator.input_weights() is None
    first, second = generator(noise, condition)
    torch.testing.assert_close(first, second, rtol=0, atol=0)


@pytest.mark.parametrize("training", [True, False])
def test_dropout_varies_faces_in_either_mode(training):
    generator = Dcgan(DATA_64, 8, noise_dim=4, width=4, norm="none", dropout=0.5).train(training)
    noise, condition = torch.randn(2, 4), torch.randn(2, 8)
    assert not torch.equal(generator(noise, condition), generator(noise, condition))
    torch.manual_seed(1)
    first = generator(noise, condition)
    torch.manual_seed(1)
    assert torch.equal(first, generator(noise, condition))


def test_dropout_drops_its_share_after_each_layer_but_the_last():
    torch.manual_seed(0)
    generator = Dcgan(DATA_64, 8, noise_dim=4, width=16, norm="none", dropout=0.25).eval()
    layers, seen = [*generator.layers, generator.to_rgb], []
    for layer in layers:
        layer.register_forward_hook(lambda layer, inputs, output: seen.append((inputs[0], output)))
    faces = generator(torch.randn(4, 4), torch.randn(4, 8))
    assert len(seen) == 5
    for (_, made), (read, _) in pairwise(seen):
        alive = made > 0
        kept = read[alive] != 0
        assert kept.float().mean().item() == pytest.approx(0.75, abs=0.04)
        torch.testing.assert_close(read[alive][kept], made[alive][kept] / 0.75)
    assert torch.equal(faces, seen[-1][1].tanh())


def test_first_layer_reads_noise_and_condition():
    generator = Dcgan(DATA_64, 8, noise_dim=4, width=4, condition_projection=6)
    noise, condition = generator.input_weights()
    assert noise.shape == (4, 32, 4, 4) and condition.shape == (6, 32, 4, 4)
    with torch.no_grad():
        noise.zero_()
    generator.eval()
    assert torch.equal(*(generator(torch.randn(1, 4), torch.ones(1, 8)) for _ in range(2)))


def test_residual_blocks_are_at_the_first_two_sizes():
    generator = Dcgan(DATA_64, 8, noise_dim=4, width=4, residual=True)
    shapes = [
        [tuple(layer.residual[place].weight.shape) for place in (0, 3, 6)] if layer.residual is not None else []
        for layer in generator.layers
    ]
    assert shapes == [
        [(8, 32, 1, 1), (8, 8, 3, 3), (32, 8, 3, 3)],
        [(4, 16, 1, 1), (4, 4, 3, 3), (16, 4, 3, 3)],
        [],
        [],
    ]


@pytest.mark.parametrize("norm", ["batch", "spectral", "none"])
def test_initial_weights_have_the_published_deviation(norm):
    torch.manual_seed(0)
    generator = Dcgan(DATA_64, 8, width=4, norm=norm, condition_projection=6)
    for layer in generator.layers:
        weight = layer.conv.parametrizations.weight.original if norm == "spectral" else layer.conv.weight
        assert weight.std().item() == pytest.approx(0.02, rel=0.2)
    assert generator.projector.weight.abs().max() > 0.1


def test_dcgan_faces_are_independent_of_other_rows_in_eval_mode():
    torch.manual_seed(0)
    generator = Dcgan(DATA_64, 8, noise_dim=4, width=4, norm="batch")
    noise, condition = torch.randn(3, 4), torch.randn(3, 8)
    assert not torch.allclose(generator(noise, condition)[:2], generator(noise[:2], condition[:2]), atol=1e-4)
    generator.eval()
    torch.testing.assert_close(generator(noise, condition)[:2], generator(noise[:2], condition[:2]))


def test_spectral_norm_divides_by_the_largest_singular_value():
    torch.manual_seed(0)
    generator = Dcgan(DATA_64, 8, noise_dim=4, width=4, norm="spectral").double().train()
    conv = generator.layers[1].conv
    for _ in range(200):
        conv.weight  # noqa: B018 (each use is one power iteration)
    matrix = conv.weight.detach().transpose(0, 1).flatten(1).numpy()
    assert np.linalg.svd(matrix, compute_uv=False)[0] == pytest.approx(1, rel=1e-6)


def test_spectral_norm_leaves_the_last_layer_and_the_projection_alone():
    generator = Dcgan(DATA_64, 8, width=4, norm="spectral", condition_projection=6, residual=True)
    parametrised = {name for name, module in generator.named_modules() if is_parametrized(module)}
    convs = {f"layers.{number}.conv" for number in range(4)}
    assert parametrised == convs | {f"layers.{number}.residual.{place}" for number in range(2) for place in (0, 3, 6)}


def test_a_size_out_of_reach_is_refused():
    with pytest.raises(RecipeError, match=r"dcgan: data\.image_pixels = 50"):
        Dcgan(replace(SMALL_DATA, image_pixels=50), 8)
