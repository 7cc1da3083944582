"""A tiny run, and a server that draws with it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "tests" / "integration"))


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on speech of two steps."""
    from tiny_runs import RECIPES, settings

    from facegen.cli.main import main

    out = tmp_path_factory.mktemp("demo") / "tiny"
    assert main(["train", str(RECIPES / "speech_relid.toml"), "--preset", "small", *settings(), "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="session")
def drawing(tiny_run: Path) -> Any:
    """The tiny run, loaded for the page."""
    from facegen_demo.drawing import DemoModel

    return DemoModel.open(tiny_run)


@pytest.fixture
def client(drawing: Any) -> Iterator[Any]:
    """A client of a server with the tiny run."""
    from demo_client import served

    with served(drawing) as connected:
        yield connected
