"""Spectrograms, encoded in four ways."""

import pytest
import torch
from batches import batch_of, speech_spec

from facegen.core.batch import Batch
from facegen.core.errors import RecipeError
from facegen.parts.conditioners.mel_spectrogram import LogMel, MelSpectrogram

SMALL = {
    "segan": {"channels": (4, 5), "num_mels": 20},
    "cnn": {"channels": (4, 5), "num_mels": 20},
    "voice2face": {"channels": (4, 5), "num_mels": 20},
    "speech2face": {"channels": (2,) * 9, "spectrum": "compressed", "window_samples": 64, "hop_samples": 40},
}


def small(encoder, samples=16000, **settings):
    torch.manual_seed(0)
    return MelSpectrogram(speech_spec(samples), condition_dim=8, encoder=encoder, **{**SMALL[encoder], **settings})


@pytest.mark.parametrize("encoder", SMALL)
@pytest.mark.parametrize("samples", [12000, 16000, 40001])
def test_any_duration_gives_one_vector(encoder, samples):
    torch.manual_seed(1)
    encoding = small(encoder, samples)(batch_of(torch.randn(3, samples)))
    assert encoding.shape == (3, 8) and encoding.isfinite().all()


def test_settings_of_the_papers_accept_their_durations():
    with torch.device("meta"):
        for encoder in ("segan", "cnn", "voice2face"):
            spec = speech_spec(64000)
            assert MelSpectrogram(spec, encoder=encoder)(Batch.blank(spec, 2, device="meta")).shape == (2, 128)
        spec = speech_spec(96000)
        speech2face = MelSpectrogram(
            spec, encoder="speech2face", spectrum="compressed", window_samples=400, hop_samples=160,
            head_widths=(4096,), condition_dim=4096,
        )  # fmt: skip
        assert speech2face(Batch.blank(spec, 2, device="meta")).shape == (2, 4096)
    assert [layer.in_features for layer in speech2face.head if hasattr(layer, "in_features")] == [512 * 57, 4096]


def test_encoder_reads_the_normalised_log_mel_spectrum_of_emphasised_speech():
    encoder = small("cnn")
    seen = []
    encoder.encoder.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].double()))
    speech = torch.randn(3, 16000)
    encoder(batch_of(speech))
    levelled = speech / speech.abs().amax(dim=1, keepdim=True)
    emphasised = torch.cat([levelled[:, :1], levelled[:, 1:] - 0.95 * levelled[:, :-1]], dim=1)
    spectrum = LogMel(16000, 512, 128, 20)(emphasised).double()
    mean = spectrum.mean(dim=(0, 3), keepdim=True)
    variance = spectrum.var(dim=(0, 3), keepdim=True, correction=0)
    torch.testing.assert_close(seen[0], (spectrum - mean) / (variance + 1e-5).sqrt(), rtol=1e-3, atol=1e-3)


def test_mean_pooling_ignores_order_and_deviation_is_optional():
    encoder = small("voice2face", pooling="mean_std").eval()
    seen = {}
    encoder.encoder.register_forward_hook(lambda module, inputs, output: seen.update(features=output))
    encoder.head.register_forward_pre_hook(lambda module, inputs: seen.update(pooled=inputs[0]))
    encoder(batch_of(torch.randn(2, 16000)))
    mean, deviation = seen["pooled"].split(5, dim=1)
    torch.testing.assert_close(mean, seen["features"].mean(dim=2))
    torch.testing.assert_close(deviation, (seen["features"].var(dim=2, correction=0) + 1e-5).sqrt())


@pytest.mark.parametrize("encoder", ["segan", "speech2face"])
def test_speech_below_the_minimum_length_is_refused(encoder):
    with pytest.raises(RecipeError) as raised:
        small(encoder, 5)
    needed = int(str(raised.value).split("which needs ")[1].split(":")[0])
    assert small(encoder, needed)(batch_of(torch.randn(3, needed))).shape == (3, 8)
    with pytest.raises(RecipeError, match=f"mel_spectrogram: {needed - 1} samples of speech are too short"):
        small(encoder, needed - 1)


def test_all_problems_of_the_settings_are_reported_at_once():
    with pytest.raises(RecipeError) as raised:
        MelSpectrogram(
            speech_spec(16000), hop_samples=600, num_mels=29, window_samples=64, encoder="speech2face", channels=(3,)
        )
    assert len(raised.value.problems) == 4
    assert all(problem.startswith("mel_spectrogram: ") for problem in raised.value.problems)


@pytest.mark.parametrize("encoder", SMALL)
def test_silence_and_autocast_give_finite_values_and_gradients(encoder):
    built = small(encoder)
    with torch.autocast("cpu", torch.bfloat16):
        encoding = built(batch_of(torch.cat([torch.zeros(1, 16000), torch.rand(2, 16000) - 0.5])))
    encoding.sum().backward()
    assert encoding.dtype == torch.float32 and encoding.isfinite().all()
    assert all(weight.grad.isfinite().all() for weight in built.parameters())
