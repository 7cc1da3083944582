"""The study of quality against length: one run, several checkpoints, one judge."""

import json
from pathlib import Path

import pytest
from PIL import Image
from tiny_runs import Facegen, settings

from studies.__main__ import main


def test_checkpoints_of_one_run_are_measured_by_one_judge(
    facegen: Facegen, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    words = settings(train__keep_checkpoints=5, train__steps=3)
    assert facegen("train", "speech_relid", "--preset", "small", *words, "--out", folder) == 0
    assert main(["quality", str(folder), "--steps", "1", "9"]) == 1
    assert "no checkpoint of step 9; present: 1, 2, 3" in capsys.readouterr().out
    assert main(["quality", str(folder), "--steps", "1", "3", "--clips", "24"]) == 0
    table = (folder / "quality" / "quality.md").read_text()
    assert "| | 1 steps | 3 steps |" in table
    assert "NOT THE SAME" not in table
    values = json.loads((folder / "quality" / "quality.json").read_text())
    assert values["1"]["matching.v2f.10.real"] == values["3"]["matching.v2f.10.real"]
    assert values["1"]["sharpness.detail"] != values["3"]["sharpness.detail"]
    with Image.open(folder / "quality" / "quality.png") as plot:
        assert plot.width > 500
