"""The two spectra of the conditioner against numpy."""

import numpy as np
import pytest
import torch

from facegen.core.optional_imports import torchaudio
from facegen.parts.conditioners.mel_spectrogram import CompressedSpectrum, LogMel
from facegen.parts.layers.spectra import samples_needed

RATE = 16000


def speech_of(samples=3000):
    torch.manual_seed(0)
    return torch.rand(2, samples) - 0.5


def transformed(speech, window, hop):
    """Compute transforms of 512 samples in float64: (B, samples) -> (B, frames, 257)."""
    padded = np.pad(speech.double().numpy(), ((0, 0), (256, 256)), mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, 512, axis=1)[:, ::hop]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    return np.fft.rfft(frames * np.pad(hann, (512 - window) // 2))


def triangles(mels):
    """Return triangles of height 1 between the centres of their neighbours: (257, mels)."""
    points = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + RATE / 2 / 700), mels + 2) / 2595) - 1)
    low, centre, high = points[:-2], points[1:-1], points[2:]
    hertz = np.arange(257)[:, None] * RATE / 512
    return np.minimum((hertz - low) / (centre - low), (high - hertz) / (high - centre)).clip(min=0)


@pytest.mark.parametrize(("window", "hop", "mels"), [(512, 128, 64), (400, 160, 40)])
def test_log_mel_agrees_with_the_formula(window, hop, mels):
    spectrum = LogMel(RATE, window, hop, mels)(speech_of())
    expected = np.log(np.abs(transformed(speech_of(), window, hop)) ** 2 @ triangles(mels) + 1e-6)
    assert spectrum.shape == (2, 1, mels, 1 + 3000 // hop)
    np.testing.assert_allclose(spectrum[:, 0].numpy(), expected.swapaxes(1, 2), rtol=1e-4, atol=1e-4)


def test_log_mel_agrees_with_torchaudio():
    whole = torchaudio().transforms.MelSpectrogram(RATE, n_fft=512, win_length=400, hop_length=160, n_mels=40)
    spectrum = LogMel(RATE, 400, 160, 40)(speech_of())
    torch.testing.assert_close(spectrum[:, 0], (whole(speech_of()) + 1e-6).log(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("make", [lambda: LogMel(RATE, 512, 128, 64), lambda: CompressedSpectrum(512, 128)])
def test_tables_follow_the_default_device_and_are_no_weights(make):
    spectrum = make()
    assert spectrum.state_dict() == {} and list(spectrum.parameters()) == []
    assert {table.device.type for table in spectrum.buffers()} == {"cpu"}
    with torch.device("meta"):
        assert {table.device.type for table in make().buffers()} == {"meta"}


def test_compressed_spectrum_agrees_with_the_formula():
    spectrum = CompressedSpectrum(400, 160)(speech_of(2000)).double().numpy()
    expected = transformed(speech_of(2000), 400, 160).swapaxes(1, 2)
    assert spectrum.shape == (2, 2, 257, 13)
    # Compared uncompressed, since the root magnifies what rounding leaves of a zero.
    parts = np.sign(spectrum) * np.abs(spectrum) ** (1 / 0.3)
    np.testing.assert_allclose(parts, np.stack([expected.real, expected.imag], 1), rtol=1e-5, atol=1e-5)


def test_six_seconds_have_the_frames_of_speech2face():
    with torch.device("meta"):
        assert CompressedSpectrum(400, 160)(torch.zeros(1, 6 * RATE)).shape == (1, 2, 257, 601)


@pytest.mark.parametrize("make", [lambda: LogMel(RATE, 512, 128, 64), lambda: CompressedSpectrum(512, 128)])
def test_samples_needed_is_the_minimum_for_its_frames(make):
    spectrum = make()
    for frames in (1, 2, 3, 4, 30):
        samples = samples_needed(frames, 512, 128)
        assert spectrum(torch.zeros(1, samples)).shape[3] >= frames
    with pytest.raises(RuntimeError):
        spectrum(torch.zeros(1, samples_needed(1, 512, 128) - 1))
    assert spectrum(torch.zeros(1, samples_needed(30, 512, 128) - 1)).shape[3] == 29


def test_silence_is_finite_and_autocast_changes_nothing():
    spectrum = LogMel(RATE, 512, 128, 64)
    assert spectrum(torch.zeros(1, 1000)).isfinite().all()
    outside = spectrum(speech_of())
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(spectrum(speech_of()), outside)
