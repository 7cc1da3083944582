"""`facegen export --onnx` with a model that ships with facegen."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_runs import REPOSITORY, Facegen, settings

from facegen.core import optional_imports

VOICE = REPOSITORY / "tests" / "models" / "synthetic_voice.wav"


def test_speech_becomes_the_same_face_as_with_facegen(
    facegen: Facegen, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package, reason="pip install facegen[onnx]")
    import onnxruntime

    from facegen import load
    from facegen.core.progress import Observer
    from facegen.inference.inputs import read_speech_row
    from facegen.training.face_pipeline import choose_noises

    out = tmp_path / "speech.onnx"
    assert facegen("export", "speech-64", "--onnx", out, "--licence", "CC0-1.0") == 0
    printed = capsys.readouterr().out
    assert "Inputs: speech (rows, 48000), noise (rows, 128); noise is standard normal" in printed
    assert "Output: faces (rows, 3, 64, 64), RGB from -1 to 1" in printed
    assert "ONNX Runtime and torch differ by at most" in printed
    session = onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"])
    model = load("speech-64")
    speech = read_speech_row(VOICE, model.run.data, Observer())[:48000].float() / 32768
    noises = choose_noises(model.pipeline.noise, 3, 7, torch.device("cpu"))
    (faces,) = session.run(None, {"speech": np.tile(speech.numpy(), (3, 1)), "noise": noises.numpy()})
    samples = (speech * 32768).short().numpy()  # a file would be read whole
    sampled = model.sample(speech=samples, sample_rate_hz=16000, count=3, seed=7)
    drawn = np.stack([np.asarray(face) for face in sampled])
    levels = np.rint((faces.transpose(0, 2, 3, 1) + 1) * 127.5).clip(0, 255)
    assert np.abs(levels - drawn).max() <= 1
    stored = session.get_modelmeta().custom_metadata_map
    described, graph = json.loads(stored["facegen"]), json.loads(stored["facegen_graph"])
    assert described["licence"] == "CC0-1.0" and described["consent"] == "synthetic"
    assert described["run"]["recipe"]["generator"]["type"] == "adain"
    assert graph["inputs"] == {"speech": [48000], "noise": [128]} and graph["faces"] == [3, 64, 64]
    assert "sample_rate_hz" in graph["meanings"]["speech"] and len(graph["weights_sha256"]) == 64


def test_a_run_whose_generator_has_dropout_is_refused_with_what_can_be_done(
    facegen: Facegen, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnxruntime", reason="pip install facegen[onnx]")
    tiny = [word for word in settings()[1::2] if not word.startswith("match.")]
    own = [word for setting in tiny for word in ("--set", setting)]
    run = tmp_path / "run"
    assert facegen("train", "name_lsgan_dropout", "--preset", "small", *own, "--out", run) == 0
    capsys.readouterr()
    assert facegen("export", run, "--onnx", tmp_path / "x.onnx") == 1
    printed = capsys.readouterr().err
    assert "from identity and noise: it draws random numbers beside the noise" in printed
    assert "Write a model file instead" in " ".join(printed.split()) and not (tmp_path / "x.onnx").exists()


def test_what_export_needs_is_said(
    facegen: Facegen, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert facegen("export", "speech-64") == 2
    assert "give MODEL, or --onnx FILE, or both" in capsys.readouterr().err
    assert facegen("export", "speech-64", tmp_path / "x.safetensors") == 1
    assert "is a model file already" in capsys.readouterr().err
    assert facegen("export", "speech-64", "--onnx", tmp_path / "x.pb") == 1
    assert "must end in .onnx" in capsys.readouterr().err
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    optional_imports.onnx_packages.cache_clear()
    assert facegen("export", "speech-64", "--onnx", tmp_path / "x.onnx") == 1
    assert "pip install 'facegen[onnx]'" in capsys.readouterr().err
    optional_imports.onnx_packages.cache_clear()
    assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == []
