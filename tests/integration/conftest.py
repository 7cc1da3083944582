"""The command line, called in this process."""

from pathlib import Path

import pytest
from tiny_runs import Facegen

from facegen.cli.main import main


@pytest.fixture
def facegen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Facegen:
    """Return a function that runs a command, with the cache in the folder of the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return lambda *words: main([str(word) for word in words])
