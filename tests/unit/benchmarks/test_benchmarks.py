"""The command of the benchmarks: which are run, what is written, and what a failure leaves."""

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as command
from benchmarks import alone
from benchmarks.harness import Comparison, to_json
from benchmarks.page import BEGIN, END

PROJECT = Path(__file__).parents[3]
MACHINE = {"processor": "A CPU", "cores": "2", "load": "0.1", "system": "Linux", "versions": "facegen 1"}


def measured(name: str, quick: bool, seconds: float) -> dict[str, Any]:
    """Stand for a benchmark in a process of its own."""
    if name == "fid":
        raise RuntimeError("the two sides differ")
    if name == "penalty":
        raise KeyboardInterrupt
    rows = [to_json(Comparison(name, "plain", [2.0], [1.0]))]
    return {"title": name, "text": "", "date": "2026-01-02", "seconds": 3.0, "machine": MACHINE, "rows": rows}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    monkeypatch.setattr(command, "run_alone", measured)
    monkeypatch.setattr(command.os, "environ", {})
    page = tmp_path / "page.md"
    page.write_text(f"{BEGIN}\n{END}\n")
    return tmp_path / "results.json", page


def call(files: tuple[Path, Path], *words: str) -> int:
    return command.main([*words, "--json", str(files[0]), "--page", str(files[1])])


@pytest.mark.parametrize("name", command.BENCHMARKS)
def test_every_benchmark_has_title_text_and_measure(name: str) -> None:
    module = importlib.import_module(f"benchmarks.{name}")
    assert module.TITLE and module.TEXT and callable(module.measure)


def test_a_new_process_can_import_what_it_runs() -> None:
    """A function of `__main__` could not be found there."""
    code = "import runpy, sys; sys.argv = ['benchmarks', '--help']; runpy.run_module('benchmarks', run_name='__main__')"
    shown = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert "--only" in shown.stdout
    assert alone.run.__module__ == "benchmarks.alone"


def test_the_command_imports_no_torch_before_it_sets_the_threads() -> None:
    code = "import sys, benchmarks.__main__; print('torch' in sys.modules, 'numpy' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["False", "False"]


def test_a_failed_benchmark_leaves_the_others_and_is_named(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(files, "--only", "step,fid,startup") == 1
    assert list(json.loads(files[0].read_text())) == ["step", "startup"]
    output = capsys.readouterr()
    assert "not measured: fid; again: python -m benchmarks --only fid" in output.out
    assert "the two sides differ" in output.err and "1 of 3: step" in output.err


def test_an_interruption_keeps_what_was_measured_and_says_how_to_go_on(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(files, "--only", "step,penalty,startup") == 130
    assert list(json.loads(files[0].read_text())) == ["step"]
    assert capsys.readouterr().err.endswith("to go on: python -m benchmarks --only penalty,startup\n")


def test_results_of_other_benchmarks_stay(files: tuple[Path, Path]) -> None:
    assert call(files, "--only", "startup") == 0
    assert call(files, "--only", "step") == 0
    assert list(json.loads(files[0].read_text())) == ["step", "startup"]
    assert files[1].read_text().index("## step") < files[1].read_text().index("## startup")


def test_an_unknown_benchmark_is_refused(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call(files, "--only", "stap")
    assert "no benchmark stap; there are step, wav2pix_step" in capsys.readouterr().err


def test_a_quick_run_leaves_the_page_alone(files: tuple[Path, Path]) -> None:
    before = command.PAGE.read_text()
    assert command.main(["--quick", "--only", "startup", "--json", str(files[0])]) == 0
    assert command.PAGE.read_text() == before and files[0].exists()


def test_at_most_fifteen_minutes_are_planned() -> None:
    assert sum(command.BENCHMARKS.values()) <= 15 * 60
