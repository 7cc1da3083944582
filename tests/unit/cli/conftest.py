"""Calls of commands in this process."""

from collections.abc import Callable

import pytest

from facegen.cli.main import main


@pytest.fixture
def output(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command, check its exit code, and return its standard output, or standard error where it fails."""

    def run(*arguments: str, code: int = 0) -> str:
        assert main(list(arguments)) == code
        streams = capsys.readouterr()
        return streams.out if code == 0 else streams.err

    return run
