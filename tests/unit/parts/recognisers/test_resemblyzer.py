"""Resemblyzer's encoder on a replacement of the package."""

import importlib
import sys

import numpy as np
import pytest
import torch

from facegen.core.errors import RecipeError
from facegen.parts.recognisers.resemblyzer import Resemblyzer
from facegen.testing.recognisers import check_recogniser
from facegen.testing.samples import SMALL_DATA

PACKAGE = """
import numpy as np
sampling_rate = 16000
heard = []

class VoiceEncoder:
    def __init__(self, device, verbose):
        assert (device, verbose) == ("cpu", False)

    def embed_utterance(self, samples):
        return np.full(256, np.abs(samples).max())

def preprocess_wav(samples, source_sr):
    heard.append((samples.dtype, samples.shape, source_sr))
    return samples if np.abs(samples).max() > 0.01 else samples[:0]
"""


@pytest.fixture
def package(monkeypatch, tmp_path):
    folder = tmp_path / "resemblyzer"
    folder.mkdir()
    (folder / "__init__.py").write_text(PACKAGE)
    (folder / "pretrained.pt").write_bytes(b"weights")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "resemblyzer", raising=False)
    yield folder
    sys.modules.pop("resemblyzer", None)


def test_embedding_is_nan_for_quiet_and_silent_speech(package):
    loud, quiet, silent = torch.full((3, 800), 0, dtype=torch.int16).unbind()
    loud[5], quiet[5] = -16384, 100
    embeddings = Resemblyzer().embed_speech(torch.stack([loud, quiet, silent]), 8000)
    assert embeddings.dtype == torch.float32 and embeddings.shape == (3, 256)
    assert embeddings[0].tolist() == [0.5] * 256
    assert embeddings[1:].isnan().all()  # no voiced moment, and nothing at all
    heard = importlib.import_module("resemblyzer").heard
    assert heard == [(np.dtype("float32"), (800,), 8000)] * 2
    Resemblyzer().embed_speech(loud[None], 16000)
    assert heard[-1] == (np.dtype("float32"), (800,), None)


def test_keeps_its_contract(package):
    check_recogniser(Resemblyzer(), SMALL_DATA)


def test_fingerprint_depends_on_the_weights(package):
    before = Resemblyzer().fingerprint()
    (package / "pretrained.pt").write_bytes(b"others")
    assert Resemblyzer().fingerprint() != before


def test_missing_packages_are_reported(monkeypatch):
    monkeypatch.setitem(sys.modules, "resemblyzer", None)
    with pytest.raises(RecipeError, match=r"cannot import resemblyzer.*pip install"):
        Resemblyzer().fingerprint()
