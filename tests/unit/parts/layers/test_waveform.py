"""Input level and pooling of speech encoders."""

import numpy as np
import pytest
import torch
from scipy.signal import lfilter

from facegen.core.batch import Batch, DataSpec
from facegen.core.errors import RecipeError
from facegen.core.optional_imports import torchaudio
from facegen.parts.layers.waveform import SpeechLevel, TimePooling


def batch_of(speech):
    rows = torch.arange(len(speech))
    return Batch(torch.zeros(len(speech), 3, 16, 16), rows, rows, rows[:, None], speech)


def test_speech_level_normalises_and_emphasises():
    torch.manual_seed(0)
    speech = torch.rand(3, 200) - 0.5
    normalised = SpeechLevel("x", normalise=True, pre_emphasis=0.95)(batch_of(speech))
    levelled = speech.double().numpy() / np.abs(speech.double().numpy()).max(axis=1, keepdims=True)
    np.testing.assert_allclose(normalised.numpy(), lfilter([1, -0.95], [1], levelled, axis=1), rtol=1e-5, atol=1e-6)
    raised = SpeechLevel("x", normalise=False, pre_emphasis=0.95)(batch_of(speech))
    torch.testing.assert_close(raised, torchaudio().functional.preemphasis(speech, 0.95))


def test_speech_level_is_the_identity_by_default_and_keeps_silence():
    speech = torch.rand(2, 20) - 0.5
    assert SpeechLevel("x", normalise=False, pre_emphasis=0.0)(batch_of(speech)) is speech
    assert (SpeechLevel("x", normalise=True, pre_emphasis=0.95)(batch_of(torch.zeros(2, 20))) == 0).all()


def test_a_batch_without_speech_is_refused():
    with pytest.raises(RecipeError, match="mfcc: the batch holds no speech"):
        SpeechLevel("mfcc", normalise=True, pre_emphasis=0.0)(Batch.blank(DataSpec(16), 2))


def test_pooling_agrees_with_numpy():
    hidden = torch.randn(2, 5, 9)
    mean, deviation = TimePooling("mean_std")(hidden).numpy().reshape(2, 2, 5).swapaxes(0, 1)
    np.testing.assert_allclose(mean, hidden.numpy().mean(axis=2), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(deviation, np.sqrt(hidden.numpy().var(axis=2) + 1e-5), rtol=1e-5)
    assert torch.equal(TimePooling("mean")(hidden), hidden.mean(dim=2))


def test_deviation_of_one_step_has_a_gradient():
    hidden = torch.randn(2, 3, 1, requires_grad=True)
    TimePooling("mean_std")(hidden).sum().backward()
    assert hidden.grad.isfinite().all()
