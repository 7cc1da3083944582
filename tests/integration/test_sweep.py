"""`facegen sweep` as a user calls it."""

import json
from pathlib import Path

import pytest

from facegen.cli.main import main

RECIPE = """
[data]
type = "synthetic"
num_people = 8
num_heldout_people = 2
clips_per_person = 1
frames_per_clip = 1
image_pixels = 16
speech_seconds = 0.1
clip_seconds = 0.1

[conditioner]
type = "one_hot"
condition_dim = 4

[discriminator]
type = "projection"
width = 2
max_width = 4

[match]
type = "softmax"
steps = 2
batch_size = 4
num_candidates = 3
"""


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    Path("tiny.toml").write_text(RECIPE)
    return "tiny.toml"


def test_dry_run_lists_the_runs_and_starts_none(recipe: str, capsys: pytest.CaptureFixture[str]) -> None:
    overrides = ["--set", "match.steps=2,3", "conditioner.condition_dim=4"]
    assert main(["sweep", recipe, "--seeds", "0", "1", *overrides, "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [
        f"runs/tiny-sweep/steps-{steps}_seed-{seed}" for steps in (2, 3) for seed in (0, 1)
    ]
    assert "match.steps=2 conditioner.condition_dim=4 run.seed=0" in lines[1]
    assert not Path("runs").exists()


def test_problems_of_all_runs_are_reported_before_any_starts(recipe: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", recipe, "--set", "match.steps=0,2,-1"]) == 1
    errors = capsys.readouterr().err
    assert "steps-0: tiny.toml: [match] steps = 0: must be greater than or equal to 1" in errors
    assert "steps--1: tiny.toml: [match] steps = -1" in errors and "steps-2" not in errors
    assert not Path("runs").exists()


def test_runs_are_trained_and_a_second_call_finishes_what_failed(
    recipe: str, capsys: pytest.CaptureFixture[str]
) -> None:
    failing = Path("runs/tiny-sweep/seed-0")
    failing.mkdir(parents=True)
    (failing / "notes.txt").write_text("somebody's")
    words = ["sweep", recipe, "--seeds", "0", "1", "--jobs", "2"]
    assert main(words) == 1
    printed = capsys.readouterr()
    table = printed.out.splitlines()[-2:]
    assert printed.err.endswith("Error: seed-0: failed; see runs/tiny-sweep/logs; the same command tries again\n")
    assert "failed" in table[0] and "is not empty and holds no run" in table[0] and "finished" in table[1]
    (failing / "notes.txt").unlink()
    before = Path("runs/tiny-sweep/logs/seed-1.txt").read_bytes()
    assert main(words) == 0
    for seed in (0, 1):
        assert f"seed = {seed}" in Path(f"runs/tiny-sweep/seed-{seed}/recipe.toml").read_text()
        lines = Path(f"runs/tiny-sweep/seed-{seed}/log.jsonl").read_text().splitlines()
        assert json.loads(lines[-1])["step"] == 2
    assert Path("runs/tiny-sweep/logs/seed-1.txt").read_bytes() == before  # finished, and left alone
