"""generate, match and evaluate warn about what a run was not trained on; a model file carries the statistics."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tiny_runs import RECIPES, Facegen, settings

from facegen.core.distribution import Distribution
from facegen.data.media.audio_encoding import encode_wav
from facegen.training.runs.conditions import FILE, of_tensors, read_conditions, to_tensors


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a finished run of enough people, and two voices and two faces."""
    from facegen.cli.main import main

    folder = tmp_path_factory.mktemp("domain")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        words = ["train", RECIPES / "speech_relid.toml", "--preset", "small", *settings(data__num_people=210)]
        assert main([str(word) for word in (*words, "--out", folder / "run")]) == 0
        time = np.arange(8000) / 16000
        for number, pitch_hz in enumerate((110, 230)):
            samples = (8000 * np.sign(np.sin(2 * np.pi * pitch_hz * time))).astype(np.int16)
            (folder / f"v{number}.wav").write_bytes(encode_wav(samples, 16000))
            Image.effect_noise((40, 30), 60 + 40 * number).convert("RGB").save(folder / f"f{number}.png")
        yield folder


def draw_near(run: Path, space: str) -> None:
    """Move the training distribution of a space far away, as if the run had been trained on other people."""
    tensors = load_file(run / FILE)
    tensors[f"{space}.mean"] += 1e6
    save_file(tensors, run / FILE)


@pytest.fixture
def run(home: Path, tmp_path: Path) -> Path:
    """A copy of the run whose training data lie elsewhere."""
    import shutil

    shutil.copytree(home / "run", tmp_path / "run")
    for space in ("drawn", "matched", "face"):
        draw_near(tmp_path / "run", space)
    return tmp_path / "run"


def test_a_finished_run_holds_all_spaces(home: Path) -> None:
    stored = read_conditions(home / "run")
    assert set(stored) == {"drawn", "matched", "face"}
    assert all(isinstance(value, Distribution) and len(value.distances) >= 100 for value in stored.values())


def test_generate_warns(home: Path, run: Path, facegen: Facegen, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert facegen("generate", run, "--speech", home / "v0.wav", "--count", 1, "--out", run / "faces") == 0
    printed = " ".join(capsys.readouterr().err.split())
    assert "v0: it is further from the training voices than all" in printed


def test_match_warns_of_voices_and_faces(
    home: Path, run: Path, facegen: Facegen, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    faces = [home / "f0.png", home / "f1.png"]
    assert facegen("match", run, "--speech", home / "v0.wav", "--faces", *faces) == 0
    printed = " ".join(capsys.readouterr().err.split())
    assert "v0.wav: it is further from the training voices" in printed
    assert "f1.png: it is further from the training faces" in printed


def test_evaluate_notes_it(home: Path, run: Path, facegen: Facegen, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert facegen("evaluate", run, "--judge", "own", "--num-clips", 20, "--json") == 0
    printed = capsys.readouterr()
    assert any(note.startswith("100% of the voices are further") for note in json.loads(printed.out)["notes"])
    assert "100% of the voices are further" in " ".join(printed.err.split())


def test_a_model_file_carries_the_statistics(home: Path, facegen: Facegen, tmp_path: Path) -> None:
    from facegen.api import load

    model = tmp_path / "model.safetensors"
    assert facegen("export", home / "run", model) == 0
    unpacked = read_conditions(load(model).run.path)
    for space, distribution in read_conditions(home / "run").items():
        assert torch.equal(unpacked[space].distances, distribution.distances)


def test_a_model_file_with_unsound_statistics_is_refused(
    home: Path, facegen: Facegen, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from safetensors import safe_open

    model = tmp_path / "model.safetensors"
    assert facegen("export", home / "run", model) == 0
    tensors = load_file(model)
    with safe_open(model, framework="pt") as file:
        metadata = file.metadata()
    tensors["conditions.drawn.mean"] = torch.zeros(7, dtype=torch.float64)
    save_file(tensors, model, metadata=metadata)
    assert facegen("generate", model, "--speech", home / "v0.wav") == 1
    assert "do not fit each other" in " ".join(capsys.readouterr().err.split())
    assert of_tensors(to_tensors(read_conditions(home / "run")))
