import numpy as np
import pytest

from facegen.collect.video.audio_quality import clipped_share, sounding_share


def test_level_is_in_decibels_of_full_scale():
    # A square wave of 1/100 of full scale stands at -40 dB.
    quiet = np.resize([328, -328], 16000).astype(np.int16)
    assert sounding_share(quiet, 16000, -40.0) == 1 and sounding_share(quiet, 16000, -39.9) == 0


def test_share_of_pieces():
    samples = np.zeros(16000, np.int16)
    samples[4000:8000] = 3000
    assert sounding_share(samples, 16000, -50.0) == pytest.approx(0.26, abs=0.02)
    assert sounding_share(samples[:100], 16000, -50.0) == 0


def test_clipped_samples_are_those_at_full_scale():
    samples = np.zeros(1000, np.int16)
    samples[:20], samples[20:30], samples[30:90] = 32767, -32768, 31000
    assert clipped_share(samples) == 0.03
    assert clipped_share(samples[:0]) == 0
