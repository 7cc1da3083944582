"""Going on and starting from: RUN as a recipe, more steps, and model files in every place of an earlier run."""

import json
import shutil
from pathlib import Path

import pytest
from test_model_file import model, run  # noqa: F401 (fixtures)
from tiny_runs import RECIPES, Facegen, settings

RECIPE = (RECIPES / "speech_relid.toml", "--preset", "small")


@pytest.fixture
def own(run: Path, tmp_path: Path) -> Path:  # noqa: F811
    """A copy of the finished run."""
    return Path(shutil.copytree(run, tmp_path / "own"))


def test_a_run_is_resumed_by_its_folder(facegen: Facegen, own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert facegen("train", own) == 1
    assert f"{own}: holds a run already; resume it with --resume, or give another folder" in capsys.readouterr().err
    assert facegen("train", own, "--resume", "--set", "train.steps=3", "--set", "penalty.r1_gamma=2") == 0
    messages = capsys.readouterr().err
    assert "changed from train step 2: train.steps = 2 -> 3" in messages
    assert "changed from train step 2: penalty.0.r1_gamma = 0.1 -> 2" in messages
    assert (own / "checkpoints" / "train-00000003").exists()
    assert facegen("train", own, "--resume", "--set", "train.batch_size=4", "--set", "train.steps=1") == 1
    message = capsys.readouterr().err
    assert "train.batch_size (8 in the run, 4 in the recipe: must not change)" in message
    assert "train.steps (3 in the run, 1 in the recipe: may only become larger)" in message
    assert facegen("inspect", own, "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["stages"] == {"match": {"step": 2, "steps": 2}, "train": {"step": 3, "steps": 3}}
    assert [change["key"] for change in shown["changes"]] == ["penalty.0.r1_gamma", "train.steps"]
    assert facegen("inspect", own) == 0
    assert "changed from train step 2: train.steps = 2 -> 3" in capsys.readouterr().out
    assert facegen("inspect", own, "--verify") == 2


def test_a_train_stage_starts_from_a_model_file(
    facegen: Facegen, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]  # noqa: F811
) -> None:  # fmt: skip
    start = ("--set", f"train.start='{model}'")
    options = (*RECIPE, *settings(run__seed=5, data__num_people=44), *start)
    assert facegen("check", *options) == 0
    assert facegen("train", *options, "--out", tmp_path / "run") == 0
    messages = capsys.readouterr().err
    assert f"networks of {model} at step 2 are trained on: face_pipeline, discriminator" in messages
    assert facegen("inspect", tmp_path / "run") == 0
    assert f"started from {model}, step 2" in capsys.readouterr().out
    for key, message in (
        ("data.image_pixels=32", "draws faces of 16 pixels, and this recipe of 32"),
        ("generator.width=8", "generator.width = 16 there, 8 here"),
    ):
        for words in (("check",), ("train", "--out", tmp_path / "other")):
            assert facegen(words[0], *options, "--set", key, *words[1:]) == 1
            assert message in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_a_recipe_that_starts_from_itself_is_a_circle(
    facegen: Facegen, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (RECIPES / "speech_relid.toml").read_text()
    for name, other in (("a", "b"), ("b", "a")):
        (tmp_path / f"{name}.toml").write_text(text.replace("[train]\n", f'[train]\nstart = "{other}.toml"\n', 1))
    assert facegen("check", tmp_path / "a.toml") == 1
    assert "circular reference: a.toml -> b.toml -> a.toml" in capsys.readouterr().err


def test_a_match_stage_is_taken_from_a_model_file(
    facegen: Facegen, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]  # noqa: F811
) -> None:  # fmt: skip
    options = (*RECIPE, *settings(match__run=f"'{model}'", run__seed=7))
    assert facegen("train", *options, "--out", tmp_path / "run") == 0
    assert "match stage copied from" in capsys.readouterr().err
    assert facegen("evaluate", tmp_path / "run", "--num-clips", 24, "--against", model, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert "model" in json.dumps(report["figures"]["preference"])
    shutil.copy(model, tmp_path / "judge.safetensors")
    judged = ("--num-clips", 24, "--judge-start", tmp_path / "judge.safetensors", "--judge-seed", 77)
    assert facegen("evaluate", tmp_path / "run", *judged) == 0


def test_reports_of_a_model_lie_beside_it(
    facegen: Facegen, model: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]  # noqa: F811
) -> None:  # fmt: skip
    copied = shutil.copy(model, tmp_path / "mine.safetensors")
    assert facegen("evaluate", copied, "--num-clips", 24, "--out", tmp_path / "elsewhere") == 0
    assert (tmp_path / "elsewhere" / "report.html").exists() and not (tmp_path / "mine-evaluation").exists()
    capsys.readouterr()
    assert facegen("compare", copied, run, "--num-clips", 24, "--format", "json") == 0
    assert (tmp_path / "mine-evaluation" / "heldout_people.json").exists()
    assert "mine" in capsys.readouterr().out
