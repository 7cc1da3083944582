"""Cepstral coefficients."""

import numpy as np
import pytest
import scipy
import torch
from batches import batch_of, speech_spec

from facegen.core.batch import Batch
from facegen.core.errors import RecipeError
from facegen.parts.conditioners.mel_spectrogram import LogMel
from facegen.parts.conditioners.mfcc import Mfcc


def test_coefficients_are_the_orthonormal_cosine_transform_of_the_log_mel_spectrum():
    torch.manual_seed(0)
    speech = torch.rand(3, 4000) - 0.5
    coefficients = Mfcc(speech_spec(4000)).coefficients(speech)
    bands = LogMel(16000, 400, 160, 40)(speech)[:, 0].double().numpy()
    assert coefficients.shape == (3, 13, 26)
    expected = scipy.fft.dct(bands, type=2, axis=1, norm="ortho")[:, :13]
    np.testing.assert_allclose(coefficients.numpy(), expected, rtol=1e-6, atol=1e-5)


def test_tables_are_no_weights():
    assert {name.split(".")[0] for name in Mfcc(speech_spec(4000)).state_dict()} == {"norm", "encoder", "head"}


def test_layers_and_weights():
    with torch.device("meta"):
        encoder = Mfcc(speech_spec(64000))
        assert encoder(Batch.blank(speech_spec(64000), 2, device="meta")).shape == (2, 128)
    convolutions = 3 * (13 * 64 + 64 * 128 + 128 * 256)
    norms = 2 * (13 + 64 + 128 + 256)
    assert sum(weight.numel() for weight in encoder.parameters()) == convolutions + norms + 512 * 128 + 128


def test_without_convolutions_the_coefficients_are_pooled():
    torch.manual_seed(0)
    encoder = Mfcc(speech_spec(4000), channels=(), normalise=False, pre_emphasis=0.0).eval()
    seen = []
    encoder.head.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    speech = torch.rand(3, 4000) - 0.5
    encoder(batch_of(speech))
    coefficients = encoder.coefficients(speech)
    torch.testing.assert_close(seen[0][:, :13], coefficients.mean(dim=2), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(seen[0][:, 13:], coefficients.std(dim=2, correction=0), rtol=1e-3, atol=1e-4)


def test_loudness_reaches_the_zeroth_coefficient_only():
    encoder = Mfcc(speech_spec(4000))
    speech = torch.rand(1, 4000) - 0.5
    change = encoder.coefficients(2 * speech) - encoder.coefficients(speech)
    # log 4 in each of 40 bands is sqrt(40) log 4 in the first vector of an orthonormal cosine transform.
    torch.testing.assert_close(change[:, 0], torch.full_like(change[:, 0], 40**0.5 * 1.3862944), rtol=1e-3, atol=0)
    assert change[:, 1:].abs().max() < 1e-2


@pytest.mark.parametrize("samples", [257, 3000, 50000])
def test_any_duration_gives_one_vector(samples):
    assert Mfcc(speech_spec(samples))(batch_of(torch.randn(2, samples))).shape == (2, 128)


def test_speech_shorter_than_a_window_is_refused():
    with pytest.raises(RecipeError, match=r"mfcc: 256 samples of speech are too short .* needs 257"):
        Mfcc(speech_spec(256))


def test_all_problems_of_mfcc_settings_are_reported_at_once():
    with pytest.raises(RecipeError) as raised:
        Mfcc(speech_spec(16000), num_coefficients=200, num_mels=180, hop_samples=500)
    hop, bands, coefficients = raised.value.problems
    assert hop.startswith("mfcc: hop_samples = 500") and bands.startswith("mfcc: num_mels = 180")
    assert coefficients == "mfcc: num_coefficients = 200: must be at most num_mels = 180"


def test_autocast_returns_float32():
    encoder = Mfcc(speech_spec(4000))
    with torch.autocast("cpu", torch.bfloat16):
        encoding = encoder(batch_of(torch.rand(4, 4000) - 0.5))
    encoding.sum().backward()
    assert encoding.dtype == torch.float32
    assert all(weight.grad.isfinite().all() for weight in encoder.parameters())
