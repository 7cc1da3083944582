"""The script of `make gpu`, at sizes of a CPU: stopped twice, it goes on and leaves a table, grids and a model file."""

import json
from pathlib import Path

import pytest

from benchmarks import full_size
from facegen.core.optional_imports import torchaudio


def test_the_script_goes_on_where_it_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torchaudio()
    tests: list[str] = []
    monkeypatch.setattr(full_size, "gpu_tests", lambda session: tests.append("run") or "no test in this test")
    words = ["--device", "cpu", "--quick", "--out", str(tmp_path), "--minutes"]
    assert full_size.main([*words, "-1"]) == 0
    assert "Not done: tests needs 0 s. Call it again" in capsys.readouterr().out

    reads = iter([0] * 8 + [15] * 99)
    with monkeypatch.context() as patch:
        patch.setattr(full_size.Until, "signal_number", property(lambda self: next(reads), lambda self, number: None))
        assert full_size.main([*words, "9"]) == 0
    assert "Not done: stopped after train step 1. Call it again" in capsys.readouterr().out
    state = json.loads((tmp_path / "state.json").read_text())
    assert state["batch 4"].keys() == {"ours", "plain", "loader", "gflop"} and state["matrix"] > 0

    assert full_size.main([*words, "9"]) == 0
    assert f"Done: {tmp_path / 'results'}" in capsys.readouterr().out
    assert tests == ["run"]
    names = {path.name for path in (tmp_path / "results").iterdir()}
    grids = names - {"speech_relid_separate.safetensors", "table.json", "table.md"}
    assert len(names) == len(grids) + 3 and len(names) <= 8
    assert grids and all(name.endswith(".png") for name in grids)
    table = (tmp_path / "results" / "table.md").read_text()
    assert "| tests that need a GPU | no test in this test | none fails |" in table
    assert "| batch 4: ratio |" in table and "| >= 5 |" in table


def test_without_a_gpu_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(full_size.torch.cuda, "is_available", lambda: False)
    assert full_size.main(["--out", str(tmp_path / "none")]) == 1
    assert not (tmp_path / "none").exists()
