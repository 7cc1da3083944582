"""`facegen check` warns of what does not stop training."""

import json

import pytest

from facegen.cli.main import main

RECIPE = """
[data]
type = "synthetic"
num_people = 20
num_heldout_people = 6
image_pixels = 16
speech_seconds = 0.3
clip_seconds = 0.3
[conditioner]
type = "waveform_sincnet"
condition_dim = 8
[generator]
type = "adain"
width = 4
[discriminator]
type = "projection"
width = 4
[objective]
type = "relid"
[train]
batch_size = 8
"""
MATCH = "[match]\ntype = 'softmax'\nbatch_size = 8\n"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("facegen.training.check.costs.measure_rate", lambda device: 1e9)


@pytest.fixture
def check(tmp_path, capsys):
    def call(text: str, *options: str, code: int = 0) -> str:
        (tmp_path / "a.toml").write_text(text)
        assert main(["check", str(tmp_path / "a.toml"), *options]) == code
        shown = capsys.readouterr()
        return shown.err if code else shown.out

    return call


def test_check_of_a_good_recipe_has_no_warning(check):
    shown = check(RECIPE + MATCH)
    assert "no problems" in shown and "Warning" not in shown
    assert json.loads(check(RECIPE + MATCH, "--json"))["warnings"] == []


def test_check_warns_of_a_recipe_without_judge(check, tmp_path):
    message = (
        f"`facegen evaluate` would refuse the finished run: {tmp_path / 'a.toml'}: has no [match], which trains the "
        f"judge that evaluation needs; add a [match] table, or a [judge.match] for the judge only (such as type = "
        f"'softmax'), with a discriminator, and evaluate again"
    )
    shown = check(RECIPE)
    assert f"Warning: {message}\n" in shown and "no problems" not in shown
    assert "can be trained, with the warnings above" in shown
    assert json.loads(check(RECIPE, "--json"))["warnings"] == [message]


def test_check_warns_of_settings_without_effect(check):
    text = RECIPE.replace("image_pixels", 'crop = "fixed"\npairing = "centred"\nimage_pixels') + MATCH
    (warning,) = json.loads(check(text, "--json"))["warnings"]
    assert "[data] crop = 'fixed': pairing = 'centred' crops around the face of the row, so this has no" in warning


def test_check_reports_errors_of_the_recipe(check):
    assert "[match] stepz is not a key here; did you mean 'steps'?" in check(RECIPE + MATCH + "stepz = 3\n", code=1)
    shown = check(RECIPE + MATCH, "--set", "penalty.r1.r1_gamma=2", code=1)
    assert shown.startswith("Error: --set penalty.r1.r1_gamma=2: the recipe has no [penalty]; it has conditioner, ")
