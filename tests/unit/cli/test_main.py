"""The main command: lazy imports, exit codes, messages instead of tracebacks."""

import os
import subprocess
import sys

import click
import pytest

from facegen import __version__
from facegen.cli.main import COMMANDS, explained, facegen, main
from facegen.core.errors import RecipeError


def in_subprocess(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout


def test_help_imports_neither_torch_nor_a_command_nor_rich():
    program = (
        "import sys\nfrom facegen.cli.main import COMMANDS, main\nassert main(['--help']) == 0\n"
        "loaded = {'torch', 'rich', 'pydantic', *(module for module, _ in COMMANDS.values())} & set(sys.modules)\n"
        "print('loaded:', sorted(loaded))"
    )
    out = in_subprocess(program)
    assert out.endswith("loaded: []\n")
    folded = " ".join(out.split())
    for name, (_, meaning) in COMMANDS.items():
        assert f"{name} {meaning}" in folded


def test_version_is_printed(capsys):
    assert main(["--version"]) == 0
    assert __version__ in capsys.readouterr().out


def test_unknown_command_is_a_usage_error_with_the_nearest_name(capsys):
    assert main(["discribe"]) == 2
    error = capsys.readouterr().err
    assert "there is no command 'discribe'; did you mean 'describe'?" in error
    assert "Available: check, collect, compare, describe" in error


def test_unknown_option_is_a_usage_error(capsys):
    assert main(["--nonsense"]) == 2
    assert "--nonsense" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_loads_and_explains_itself(name, capsys):
    assert main([name, "--help"]) == 0
    assert f"Usage: facegen {name}" in capsys.readouterr().out
    assert facegen.get_command(click.Context(facegen), name).help


def test_user_errors_are_printed_without_traceback(capsys):
    def work():
        raise RecipeError("a.toml: [run] seed = -1: must be greater", "a.toml: [data] is missing")

    assert explained(work) == 1
    assert capsys.readouterr().err == (
        "Error: a.toml: [run] seed = -1: must be greater\nError: a.toml: [data] is missing\n"
    )


def test_bug_prints_traceback_and_asks_for_a_report(capsys):
    assert explained(lambda: {}["missing"]) == 1
    error = capsys.readouterr().err
    assert "KeyError: 'missing'" in error and "This is a bug in facegen" in error


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, click.Abort])
def test_interruption_prints_one_line(interruption, capsys):
    def work():
        raise interruption

    assert explained(work) == 130
    assert capsys.readouterr().err == "Interrupted.\n"


def test_exit_code_of_a_command_is_returned():
    assert explained(lambda: 3) == 3
    assert explained(lambda: None) == 0


def test_closed_pipe_prints_no_error():
    program = "import sys; from facegen.cli.main import explained; sys.exit(explained(lambda: print('x' * 100000)))"
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-c", program], stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_errors_are_red_on_a_terminal_only():
    pty = pytest.importorskip("pty")
    program = (
        "import sys; from facegen.cli.main import explained; from facegen.core.errors import DataError\n"
        "def work(): raise DataError('no')\nsys.exit(explained(work))"
    )
    ours, theirs = pty.openpty()
    done = subprocess.run([sys.executable, "-c", program], stderr=theirs, check=False)
    os.close(theirs)
    shown = os.read(ours, 1000).decode()
    os.close(ours)
    assert done.returncode == 1 and "\x1b[31m" in shown and "Error:" in shown


@pytest.mark.parametrize(
    ("words", "remedy"),
    [("train x.toml", "--set run.device=cpu"), ("check x.toml", "--set run.device=cpu"), ("generate x", "trained on")],
)
def test_the_option_device_is_refused_with_the_place_of_the_device(
    words: str, remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words.split(), "--device", "cuda"]) == 2
    assert remedy in capsys.readouterr().err
