"""The study that makes the shipped models: the commands that it calls, and where it stops."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studies import models
from studies.__main__ import main


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, ...]]:
    """Record the commands, and draw grey faces in the place of a model's."""
    words_of_all: list[tuple[str, ...]] = []
    monkeypatch.setattr(models, "run_facegen", lambda *words: words_of_all.append(words) or 0)
    monkeypatch.setattr(models, "reference_faces", lambda *_: np.full((8, 32, 3), 99, dtype=np.uint8))
    monkeypatch.setattr(models, "REFERENCE_FOLDER", tmp_path)
    return words_of_all


def test_a_model_is_trained_evaluated_exported_and_drawn(called: list[tuple[str, ...]], tmp_path: Path) -> None:
    assert main(["models", "--models", "voice-64", "--out", str(tmp_path / "runs")]) == 0
    folder = str(tmp_path / "runs" / "voice-64")
    assert [words[0] for words in called] == ["train", "evaluate", "export"]
    assert called[0][-3:] == ("--out", folder, "--resume")
    assert called[1] == ("evaluate", folder)
    assert called[2][:3] == ("export", folder, str(models.MODELS_FOLDER / "voice-64.safetensors"))
    with Image.open(tmp_path / "voice-64.png") as picture:
        assert picture.size == (32, 8)


def test_a_finished_run_is_not_trained_again(called: list[tuple[str, ...]]) -> None:
    assert main(["models", "--models", "voice-64", "--run", "runs/mine"]) == 0
    assert [words[:2] for words in called] == [("evaluate", "runs/mine"), ("export", "runs/mine")]


def test_one_run_is_not_that_of_two_models(called: list[tuple[str, ...]], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--run", "runs/mine"]) == 1
    assert capsys.readouterr().out == "--run is the run of one model; name it by --models\n"
    assert called == []
