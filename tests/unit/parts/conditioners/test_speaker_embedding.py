"""The pretrained speaker encoder: its weights, their hash, and agreement with the package that they come from."""

import copy
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from batches import batch_of, speech_spec
from safetensors.torch import save_file

from facegen.core.batch import Batch
from facegen.core.errors import CheckpointError, RecipeError
from facegen.parts.conditioners import speaker_embedding
from facegen.parts.conditioners.speaker_embedding import SpeakerEmbedding
from facegen.parts.layers.speaker_encoder import SpeakerNetwork
from facegen.testing.networks import check_conditioner

SPEC = speech_spec(32000)


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "weights.pt"
    torch.save({"model_state": {**SpeakerNetwork().state_dict(), "similarity_bias": torch.ones(1)}, "step": 3}, path)
    return path


def test_keeps_its_contract(weights):
    check_conditioner(SpeakerEmbedding(SPEC, weights=weights), SPEC)


def test_run_holds_the_hash_of_the_weights_only(weights):
    conditioner = SpeakerEmbedding(SPEC, weights=weights)
    state = conditioner.state_dict()
    assert {name: (tuple(value.shape), value.dtype) for name, value in state.items()} == {
        "_extra_state": ((32,), torch.uint8)
    }
    assert not list(conditioner.parameters())
    assert bytes(state["_extra_state"].tolist()).hex() == conditioner.weights.sha256
    SpeakerEmbedding(SPEC, weights=weights).load_state_dict(state)


def test_other_weights_than_those_of_the_run_are_refused(weights, tmp_path):
    state = SpeakerEmbedding(SPEC, weights=weights).state_dict()
    other = tmp_path / "other.safetensors"
    save_file({name: value + 0.1 for name, value in SpeakerNetwork().state_dict().items()}, other)
    with pytest.raises(CheckpointError, match=r"SHA-256 .*other\.safetensors has .*\[conditioner\] weights"):
        SpeakerEmbedding(SPEC, weights=other).load_state_dict(state)


def test_both_kinds_of_files_give_the_same_embedding(weights, tmp_path):
    file = tmp_path / "same.safetensors"
    save_file(torch.load(weights, weights_only=True)["model_state"], file)
    batch = batch_of(torch.randn(2, 32000) * 0.1)
    one, other = (SpeakerEmbedding(SPEC, weights=path)(batch) for path in (weights, file))
    assert torch.equal(one, other)
    torch.testing.assert_close(one.norm(dim=1), torch.ones(2))


def test_copies_and_moves_keep_the_weights(weights):
    conditioner, batch = SpeakerEmbedding(SPEC, weights=weights), batch_of(torch.randn(2, 32000))
    expected = conditioner(batch)
    assert torch.equal(copy.deepcopy(conditioner)(batch), expected)
    wide = copy.deepcopy(conditioner).to("meta")
    assert wide(Batch.blank(SPEC, 2, device="meta")).device.type == "meta"


def test_built_on_the_meta_device_without_reading_the_weights(weights, monkeypatch):
    monkeypatch.setattr(speaker_embedding, "_tensors_of_file", None)
    with torch.device("meta"):
        conditioner = SpeakerEmbedding(SPEC, weights=weights)
    assert conditioner(Batch.blank(SPEC, 3, device="meta")).shape == (3, 256)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is damaged, or holds other objects than weights"),
        (b"no file of torch", "is damaged, or holds other objects than weights"),
        (None, r"cannot be read .*No such file"),
        ({"lstm.weight_ih_l0": torch.ones(2)}, "holds another network: lstm.weight_ih_l0, "),
        ({"model_state": 3}, "holds another network"),
        ([1, 2], "does not hold a dictionary of tensors"),
    ],
)
def test_unusable_weights_are_reported(tmp_path, content, problem):
    path = tmp_path / "x.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(RecipeError, match=problem):
        SpeakerEmbedding(SPEC, weights=path)


def test_code_in_a_file_of_weights_is_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({"model_state": Evil()}, tmp_path / "x.pt")
    with pytest.raises(RecipeError, match="holds other objects than weights"):
        SpeakerEmbedding(SPEC, weights=tmp_path / "x.pt")
    assert not (tmp_path / "ran").exists()


def test_missing_package_is_reported_with_the_command(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(RecipeError, match=r"pip install --no-deps Resemblyzer==0\.1\.4"):
        SpeakerEmbedding(SPEC)


def test_other_version_of_the_package_is_refused(monkeypatch, weights):
    monkeypatch.setattr(speaker_embedding, "find_file", lambda *_: weights)
    with pytest.raises(RecipeError, match=r"instead of 39373b.*pip install --no-deps Resemblyzer==0\.1\.4"):
        SpeakerEmbedding(SPEC)


def test_corpus_of_another_rate_is_resampled(weights):
    seconds = torch.arange(32000, dtype=torch.float64) / 16000
    tone = (0.1 * torch.sin(2 * torch.pi * 440 * seconds)).float()[None]
    slow = SpeakerEmbedding(replace(SPEC, sample_rate_hz=8000), weights=weights)
    one, other = SpeakerEmbedding(SPEC, weights=weights)(batch_of(tone)), slow(batch_of(tone[:, ::2]))
    torch.testing.assert_close(one, other, atol=2e-3, rtol=0)


def _package_missing() -> str:
    missing = [name for name in ("resemblyzer", "librosa", "webrtcvad") if find_spec(name) is None]
    return f"compares with the package, and {', '.join(missing)} are not installed" if missing else ""


@pytest.mark.skipif(bool(_package_missing()), reason=_package_missing() or "-")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("gain", [1.0, 0.001])
def test_agrees_with_the_package(gain):
    audio = pytest.importorskip("resemblyzer.audio")
    package = pytest.importorskip("resemblyzer").VoiceEncoder("cpu", verbose=False)
    speech = gain * np.random.default_rng(0).normal(0, 0.1, (2, 50000)).astype(np.float32)
    own = SpeakerEmbedding(SPEC)(batch_of(torch.from_numpy(speech)))
    for row, embedding in zip(speech, own, strict=True):
        expected = package.embed_utterance(audio.normalize_volume(row, -30, increase_only=True))
        np.testing.assert_allclose(embedding.numpy(), expected, atol=1e-5)
