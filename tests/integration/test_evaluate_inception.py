"""Inception metrics of `facegen evaluate`, with random weights in place of the published ones."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tiny_runs import RECIPES, Facegen, settings

from facegen.parts.metrics.inception import LOGITS, _blank, _no_weights
from facegen.parts.metrics.inception_weights import VARIABLE

pytestmark = pytest.mark.slow


def test_inception_features_of_real_faces_are_cached(
    facegen: Facegen, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    network = _blank()("inception", [LOGITS], feature_extractor_weights_path=_no_weights())
    save_file(network.state_dict(), tmp_path / "random.safetensors")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "random.safetensors"))
    run = tmp_path / "run"
    assert facegen("train", RECIPES / "speech_relid.toml", "--preset", "small", *settings(), "--out", run) == 0
    assert facegen("evaluate", run, "--num-clips", 20) == 0
    first = capsys.readouterr()
    assert "Inception, real faces 20/20" in first.err + first.out
    assert facegen("evaluate", run, "--num-clips", 20, "--json") == 0
    again = capsys.readouterr()
    assert "Inception, real faces" not in again.err and "Inception, generated faces 20/20" in again.err
    figures = {figure["key"]: figure for figure in json.loads(again.out)["figures"]["fidelity"]}
    assert list(figures)[:5] == [
        f"fidelity.inception.{what}"
        for what in (
            "score.generated", "score.real", "fid.distance", "fid.generated_half_to_real_half", "fid.real_halves"
        )
    ]  # fmt: skip
    assert "fewer faces than features" in figures["fidelity.inception.fid.distance"]["note"]
    kinds = ("kid", "precision", "recall", "density", "coverage")
    assert {f"fidelity.{view}.{kind}" for view in ("inception", "judge") for kind in kinds} <= set(figures)
    assert len(list((tmp_path / "cache").rglob("inception-0.4.0-*.safetensors"))) == 1


def test_file_of_other_weights_is_refused(
    facegen: Facegen, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    assert facegen("train", RECIPES / "speech_relid.toml", "--preset", "small", *settings(), "--out", run) == 0
    capsys.readouterr()
    monkeypatch.setenv(VARIABLE, "none")  # which the option overrides, and which is put back afterwards
    assert facegen("evaluate", run, "--num-clips", 20, "--inception-weights", tmp_path / "lost.pth") == 1
    message = " ".join(capsys.readouterr().err.split())
    assert "lost.pth': does not exist; name weights-inception-2015" in message
    assert "Traceback" not in message
