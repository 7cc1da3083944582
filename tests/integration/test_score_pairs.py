"""score-pairs, and match's refusal of a single pair, with a finished run on files of a user."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_runs import RECIPES, Facegen, settings

from facegen.api import load
from facegen.data.media.audio_encoding import encode_wav


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny run of the match stage alone."""
    from facegen.cli.main import main

    out = tmp_path_factory.mktemp("runs") / "run"
    words = [word for key, word in zip(settings()[::2], settings()[1::2], strict=True) if "train." not in word]
    options = [part for word in words for part in ("--set", word)]
    assert main(["train", str(RECIPES / "match_v2f.toml"), "--preset", "small", *options, "--out", str(out)]) == 0
    return out


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with two voices and two faces."""
    time = np.arange(8000) / 16000
    for number, pitch_hz in enumerate((110, 230)):
        samples = (8000 * np.sign(np.sin(2 * np.pi * pitch_hz * time))).astype(np.int16)
        (tmp_path / f"v{number}.wav").write_bytes(encode_wav(samples, 16000))
        Image.effect_noise((40, 30), 60 + 40 * number).convert("RGB").save(tmp_path / f"f{number}.png")
    return tmp_path


def test_scores_are_those_of_the_match_stage(facegen: Facegen, run: Path, files: Path) -> None:
    """The order of scores is that of the probabilities, and bad lines are named."""
    lines = ["id,speech,face", "a,v0.wav,f0.png", "b,v0.wav,f1.png", "c,v1.wav,none.png", "d,v0.wav", "e,v1.wav,f1.png"]
    (files / "list.csv").write_text("\n".join(lines))
    assert facegen("score-pairs", run, "--pairs", files / "list.csv", "--out", files / "scores.txt") == 0
    scores = {name: float(score) for name, score in map(str.split, (files / "scores.txt").read_text().splitlines())}
    assert list(scores) == ["a", "b", "e"]
    model = load(run)
    ranked = model.rank(files / "v0.wav", [files / "f0.png", files / "f1.png"])[0]
    assert np.log(ranked[0] / ranked[1]) == pytest.approx(scores["b"] - scores["a"], abs=1e-4)
    with (files / "scores.rejected.csv").open() as table:
        rejected = {row["id"]: row["reason"] for row in csv.DictReader(table)}
    assert set(rejected) == {"c", "d"} and "none.png" in rejected["c"] and "2 fields" in rejected["d"]


def test_nothing_to_score(facegen: Facegen, run: Path, files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "list.txt").write_text("a missing.wav f0.png\n")
    assert facegen("score-pairs", run, "--pairs", files / "list.txt", "--out", files / "s.txt") == 1
    assert "no pair can be scored" in capsys.readouterr().err
    assert not (files / "s.txt").exists() and (files / "s.rejected.csv").exists()
    assert facegen("score-pairs", run, "--pairs", files / "list.txt", "--out", "") == 2
    assert "--out: is empty" in capsys.readouterr().err


def test_one_voice_against_one_face_is_refused(
    facegen: Facegen, run: Path, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert facegen("match", run, "--speech", files / "v0.wav", "--faces", files / "f0.png") == 1
    assert "does not verify who somebody is" in " ".join(capsys.readouterr().err.split())
