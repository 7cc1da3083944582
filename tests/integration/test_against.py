"""`facegen evaluate --against`: the judge chooses between the faces of two runs."""

import json
from pathlib import Path

import pytest
from tiny_runs import Facegen

RECIPE = """
[run]
name = "one"

[data]
type = "synthetic"
num_people = 8
num_heldout_people = 24
clips_per_person = 1
frames_per_clip = 1
image_pixels = 16
speech_seconds = 0.3
clip_seconds = 0.3

[conditioner]
type = "mfcc"
condition_dim = 8

[generator]
type = "adain"
width = 4
max_width = 8

[discriminator]
type = "projection"
width = 4
max_width = 8

[objective]
type = "relativistic"

[train]
steps = 2
batch_size = 4

[judge.match]
type = "softmax"
steps = 2
batch_size = 4
num_candidates = 4

[[metric]]
type = "preference"
"""
KEY = "preference.over.two"


def test_preference_of_two_runs_is_symmetric(
    facegen: Facegen, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one.toml").write_text(RECIPE)
    for name, words in {"one": (), "two": ("--set", "generator.width=8", "--set", "run.seed=3")}.items():
        assert facegen("train", tmp_path / "one.toml", *words, "--out", tmp_path / name) == 0
    capsys.readouterr()

    def preferences(run: str, *baselines: str) -> dict[str, float]:
        against = [word for baseline in baselines for word in ("--against", tmp_path / baseline)]
        assert facegen("evaluate", tmp_path / run, "--num-clips", 24, *against, "--json") == 0
        figures = json.loads(capsys.readouterr().out)["figures"]["preference"]
        return {figure["key"]: figure["value"] for figure in figures}

    there, back = preferences("one", "two"), preferences("two", "one")
    assert there[KEY] == pytest.approx(1 - back[KEY.replace("two", "one")])
    # Against itself, under the same noises.
    assert preferences("one", "one")[KEY.replace("two", "one")] == 0.5


def test_incomparable_runs_are_refused_with_every_reason(
    facegen: Facegen, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one.toml").write_text(RECIPE)
    changes = ("--set", "data.image_pixels=32", "--set", "data.speech_seconds=0.2", "--set", "run.seed=1000")
    assert facegen("train", tmp_path / "one.toml", "--out", tmp_path / "one") == 0
    assert facegen("train", tmp_path / "one.toml", *changes, "--out", tmp_path / "two") == 0
    (tmp_path / "match.toml").write_text(
        RECIPE.replace("[judge.match]", "[match]").split("[generator]")[0]
        + "[discriminator]" + RECIPE.split("[discriminator]")[1].split("[objective]")[0]
        + "[match]" + RECIPE.split("[judge.match]")[1].split("[[metric]]")[0]
    )  # fmt: skip
    assert facegen("train", tmp_path / "match.toml", "--out", tmp_path / "matching") == 0
    capsys.readouterr()
    assert facegen("evaluate", tmp_path / "one", "--against", tmp_path / "two", "--against", tmp_path / "two") == 1
    message = " ".join(capsys.readouterr().err.split())
    for problem in (
        "draws faces of 32 pixels, and this run of 16; train both at one size",
        "reads speech of 3200 samples, and this run of 4800; train both with one [data]",
        "its own encoders have the judge's seed, 1000; choose another --judge-seed",
        "there are two runs named 'two'; rename the folder of one",
    ):
        assert problem in message
    assert facegen("evaluate", tmp_path / "matching", "--against", tmp_path / "one") == 1
    assert "draws no faces to compare; leave --against out" in " ".join(capsys.readouterr().err.split())
    assert facegen("evaluate", tmp_path / "one", "--against", tmp_path / "matching") == 1
    assert "it only matches" in " ".join(capsys.readouterr().err.split())
