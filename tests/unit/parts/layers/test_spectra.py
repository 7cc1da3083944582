"""Sizes of spectra."""

from facegen.parts.layers.spectra import fft_samples_of, spectrum_problems

RATE = 16000


def test_windows_are_padded_to_a_power_of_two():
    assert [fft_samples_of(window) for window in (16, 17, 400, 512, 513)] == [16, 32, 512, 512, 1024]


def test_bad_windows_and_hops_are_refused():
    assert spectrum_problems(RATE, 512, 512, 80) == []
    hop, bands = spectrum_problems(RATE, 512, 513, 200)
    assert hop == "hop_samples = 513: must be at most window_samples = 512, or speech is left out"
    assert "num_mels = 200" in bands and "lower num_mels or raise window_samples" in bands
    assert spectrum_problems(RATE, 16, 8, 0) == []
