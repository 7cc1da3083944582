"""The speech encoder: sizes, lengths, pooling, levels."""

import itertools

import pytest
import torch
from torch.nn import functional

from facegen.core.batch import Batch, DataSpec
from facegen.core.errors import RecipeError
from facegen.parts.conditioners.waveform_sincnet import WaveformSincnet

SMALL = {"num_filters": 4, "kernel_samples": 31, "channels": (5, 6), "kernels": (7, 4), "strides": (3, 2)}


def spec(samples):
    return DataSpec(16, 16000, samples, columns=frozenset({"faces", "identity", "speech"}))


def batch_of(speech):
    num = len(speech)
    rows = torch.arange(num)
    return Batch(torch.zeros(num, 3, 16, 16), rows, rows, (rows[:, None] + 1) % num, speech)


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return WaveformSincnet(spec(2000), condition_dim=8, **SMALL)


def test_layers_and_weights_of_the_paper():
    with torch.device("meta"):
        encoder = WaveformSincnet(spec(96000))
        hidden = encoder.filters(torch.zeros(2, 96000))
        lengths = [hidden.shape[-1]]
        for block in encoder.blocks:
            hidden = block(hidden)
            lengths.append(hidden.shape[-1])
        assert encoder(Batch.blank(spec(96000), 2, device="meta")).shape == (2, 128)
    assert lengths == [96000, 9600, 4800, 4800, 2400, 2400, 1200, 600]  # PASE: 10 ms a frame
    widths = (64, 64, 128, 128, 256, 256, 512, 512)
    kernels = (20, 11, 11, 11, 11, 11, 11)
    convolutions = sum(a * b * k for (a, b), k in zip(itertools.pairwise(widths), kernels, strict=True))
    norms_and_slopes = 3 * sum(widths)
    expected = 2 * 64 + convolutions + norms_and_slopes + 512 * 128 + 128
    assert sum(weight.numel() for weight in encoder.parameters()) == expected


def test_agrees_with_the_formula():
    torch.manual_seed(0)
    sizes = {"channels": (5, 6, 3, 4), "kernels": (7, 4, 6, 3), "strides": (3, 2, 1, 1)}
    encoder = WaveformSincnet(spec(2000), condition_dim=8, **{**SMALL, **sizes}).double()
    filters = encoder.filters
    others = [module for module in encoder.children() if module is not filters]
    for weight in [weight for module in others for weight in module.parameters()]:
        torch.nn.init.normal_(weight)

    def activated(hidden, layer):
        normal = functional.batch_norm(hidden, None, None, layer.norm.weight, layer.norm.bias, training=True)
        return torch.where(normal > 0, normal, layer.activation.weight[:, None] * normal)

    speech = torch.rand(2, 2000, dtype=torch.float64) - 0.5
    hidden = activated(filters(speech / speech.abs().amax(dim=1, keepdim=True))[:, :, 0], encoder)
    # Of PASE: one less in front where a kernel is even or strides.
    paddings = [(2, 3), (1, 2), (2, 3), (1, 1)]
    for block, padding, stride in zip(encoder.blocks, paddings, sizes["strides"], strict=True):
        hidden = functional.pad(hidden, padding, mode="reflect")
        hidden = activated(functional.conv1d(hidden, block.conv.weight[:, :, 0], stride=stride), block)
    expected = hidden.mean(dim=2) @ encoder.head.weight.T + encoder.head.bias
    torch.testing.assert_close(encoder(batch_of(speech)), expected)


def test_prelu_has_a_slope_per_channel_that_starts_at_zero(encoder):
    slopes = [module.weight for module in encoder.modules() if isinstance(module, torch.nn.PReLU)]
    assert [slope.tolist() for slope in slopes] == [[0.0] * num for num in (4, 5, 6)]


def test_encoding_ignores_amplitude_by_default(encoder):
    encoder.eval()
    speech = torch.rand(2, 2000) - 0.5
    torch.testing.assert_close(encoder(batch_of(speech)), encoder(batch_of(speech * 0.1)))
    encoder.level.normalise = False
    assert not torch.allclose(encoder(batch_of(speech)), encoder(batch_of(speech * 0.1)), rtol=1e-2)


@pytest.mark.parametrize("log_energy_samples", [0, 50])
def test_silence_gives_finite_values_and_gradients(log_energy_samples):
    encoder = WaveformSincnet(spec(2000), log_energy_samples=log_energy_samples, **SMALL)
    result = encoder(batch_of(torch.zeros(2, 2000)))
    result.sum().backward()
    assert result.isfinite().all()
    assert all(weight.grad.isfinite().all() for weight in encoder.parameters())


def test_log_energy_is_the_mean_square_of_each_window():
    torch.manual_seed(0)
    encoder = WaveformSincnet(spec(2000), log_energy_samples=40, sinc_stride_samples=4, **SMALL).eval()
    speech = torch.rand(2, 2000) - 0.5
    seen = []
    encoder.norm.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    encoder(batch_of(speech))
    outputs = encoder.filters(speech / speech.abs().amax(dim=1, keepdim=True)).double()
    windows = outputs[:, :, 0].unflatten(2, (50, 10))
    torch.testing.assert_close(
        seen[0][:, :, 0].double(), (windows.square().mean(dim=3) + 1e-6).log(), rtol=1e-4, atol=1e-4
    )


def test_pooling_is_mean_and_deviation_over_time():
    torch.manual_seed(0)
    encoder = WaveformSincnet(spec(2000), pooling="mean_std", **SMALL).eval()
    seen = {}
    encoder.blocks.register_forward_hook(lambda module, inputs, output: seen.update(blocks=output[:, :, 0]))
    encoder.head.register_forward_pre_hook(lambda module, inputs: seen.update(pooled=inputs[0]))
    encoder(batch_of(torch.rand(2, 2000) - 0.5))
    mean, deviation = seen["pooled"].split(6, dim=1)
    torch.testing.assert_close(mean, seen["blocks"].mean(dim=2))
    torch.testing.assert_close(deviation, (seen["blocks"].var(dim=2, correction=0) + 1e-5).sqrt())


@pytest.mark.parametrize(
    "extra",
    [{}, {"log_energy_samples": 33}, {"sinc_stride_samples": 7}, {"log_energy_samples": 33, "sinc_stride_samples": 7}],
)
def test_speech_shorter_than_the_filters_is_refused(extra):
    settings = {**SMALL, "kernels": (21, 11), **extra}
    with pytest.raises(RecipeError) as raised:
        WaveformSincnet(spec(5), **settings)
    needed = int(str(raised.value).split("which needs ")[1].split(":")[0])
    encoder = WaveformSincnet(spec(needed), **settings)
    assert encoder(batch_of(torch.randn(2, needed))).shape == (2, 128)
    with pytest.raises(RecipeError, match=f"{needed - 1} samples of speech are too short .* data.speech_seconds"):
        WaveformSincnet(spec(needed - 1), **settings)


def test_all_problems_of_sincnet_settings_are_reported_at_once():
    with pytest.raises(RecipeError) as raised:
        WaveformSincnet(spec(2000), kernel_samples=30, strides=(2,))
    even, lengths = raised.value.problems
    assert even == "waveform_sincnet: kernel_samples = 30: must be odd"
    assert "have 7, 7 and 1 numbers" in lengths


def test_autocast_returns_float32(encoder):
    speech = torch.rand(4, 2000) - 0.5
    with torch.autocast("cpu", torch.bfloat16):
        result = encoder(batch_of(speech))
    assert result.dtype == torch.float32
    result.sum().backward()
    assert all(weight.grad.isfinite().all() for weight in encoder.parameters())
