"""SEGAN's encoder: the thesis's sizes, any duration."""

import itertools

import pytest
import torch
from batches import batch_of, speech_spec

from facegen.core.batch import Batch
from facegen.core.errors import RecipeError
from facegen.parts.conditioners.waveform_segan import WaveformSegan

SMALL = {"condition_dim": 8, "widths": (4, 5, 6), "pooled_steps": 3, "head_widths": (7,)}


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return WaveformSegan(speech_spec(2000), **SMALL)


@pytest.mark.parametrize(
    "widths", [(64, 128, 256, 512, 1024, 1024), (16, 32, 128, 256, 512, 1024)], ids=["thesis", "its code"]
)
def test_layers_and_weights_of_four_seconds(widths):
    with torch.device("meta"):
        encoder = WaveformSegan(speech_spec(64000), widths=widths)
        assert encoder.blocks(torch.zeros(2, 1, 1, 64000)).shape == (2, 1024, 1, 16)
        assert encoder(Batch.blank(speech_spec(64000), 2, device="meta")).shape == (2, 128)
    assert [layer.in_features for layer in encoder.head if hasattr(layer, "in_features")] == [16384, 256, 128]
    convolutions = sum(a * b * 15 for a, b in itertools.pairwise((1, *widths)))
    head = 16384 * 256 + 256 + 256 * 128 + 128 + 128 * 128 + 128
    assert sum(weight.numel() for weight in encoder.parameters()) == convolutions + 2 * sum(widths) + head


@pytest.mark.parametrize("times", [1, 2])
def test_longer_speech_is_averaged_to_the_width_of_the_dense_layers(encoder, times):
    encoder.eval()
    batch = batch_of(torch.randn(2, times * 3 * 64))  # three blocks of stride 4 leave 3 steps of 192 samples
    steps = encoder.blocks(encoder.level(batch)[:, None, None])[:, :, 0]
    assert steps.shape == (2, 6, times * 3)
    first, _, last = encoder.head
    hidden = steps.unflatten(2, (3, times)).mean(dim=3).flatten(1) @ first.weight.T + first.bias
    torch.testing.assert_close(encoder(batch), hidden.relu() @ last.weight.T + last.bias)


@pytest.mark.parametrize("samples", [150, 192, 200, 1000, 5000])
def test_any_duration_is_accepted(encoder, samples):
    assert encoder.eval()(batch_of(torch.randn(2, samples))).shape == (2, 8)


def test_one_pooled_step_is_the_mean_over_time():
    torch.manual_seed(0)
    encoder = WaveformSegan(speech_spec(2000), **{**SMALL, "pooled_steps": 1}).eval()
    seen = {}
    encoder.blocks.register_forward_hook(lambda module, inputs, output: seen.update(blocks=output[:, :, 0]))
    encoder.head.register_forward_pre_hook(lambda module, inputs: seen.update(pooled=inputs[0]))
    encoder(batch_of(torch.randn(2, 2000)))
    torch.testing.assert_close(seen["pooled"], seen["blocks"].mean(dim=2))


def test_amplitude_is_normalised_by_default(encoder):
    encoder.eval()
    speech = torch.rand(2, 2000) - 0.5
    torch.testing.assert_close(encoder(batch_of(speech)), encoder(batch_of(speech * 0.1)))
    encoder.level.normalise = False
    assert not torch.allclose(encoder(batch_of(speech)), encoder(batch_of(speech * 0.1)), rtol=1e-2)


def test_too_short_speech_is_refused():
    encoder = WaveformSegan(speech_spec(1366), head_widths=(4,))
    assert encoder(batch_of(torch.randn(2, 1366))).shape == (2, 128)
    with pytest.raises(RecipeError, match=r"waveform_segan: 1365 samples .* needs 1366: raise data.speech_seconds"):
        WaveformSegan(speech_spec(1365), head_widths=(4,))


def test_autocast_returns_float32(encoder):
    with torch.autocast("cpu", torch.bfloat16):
        encoding = encoder(batch_of(torch.rand(4, 2000) - 0.5))
    assert encoding.dtype == torch.float32
    encoding.sum().backward()
    assert all(weight.grad.isfinite().all() for weight in encoder.parameters())


def test_standardised_encoding_has_the_scale_of_noise():
    torch.manual_seed(0)
    encoder = WaveformSegan(speech_spec(2000), **SMALL, standardise=True).train()
    encoding = encoder(batch_of(speech=torch.randn(64, 2000) * torch.linspace(0.1, 1, 64)[:, None]))
    torch.testing.assert_close(encoding.mean(0), torch.zeros(8), atol=1e-5, rtol=0)
    torch.testing.assert_close(encoding.std(0, correction=0), torch.ones(8), atol=0.2, rtol=0)
