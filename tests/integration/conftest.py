"""The program as a user calls it."""

from pathlib import Path

import pytest
from tiny_runs import Facegen

from facegen.cli.main import main


@pytest.fixture
def facegen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Facegen:
    """Calls the program in this process; what is derived from a corpus goes to the test's own folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return lambda *words: main([str(word) for word in words])
