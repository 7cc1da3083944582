"""The command line, called in this process."""

from pathlib import Path

import pytest
import torch
from tiny_runs import Facegen

from facegen.cli.main import main
from facegen.parts.layers.speaker_encoder import SpeakerNetwork


@pytest.fixture
def facegen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Facegen:
    """Return a function that runs a command, with the cache in the folder of the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return lambda *words: main([str(word) for word in words])


@pytest.fixture(scope="session")
def speaker_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write random weights in place of those of the package, which tests do not need."""
    path = tmp_path_factory.mktemp("weights") / "speaker.pt"
    torch.save({"model_state": SpeakerNetwork().state_dict()}, path)
    return path
