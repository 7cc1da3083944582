"""Runs that `make reproduce` keeps, trains anew and evaluates."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from facegen.core.batch import DataSpec
from facegen.core.recipe.recipe import read_recipe
from facegen.training.runs.earlier_runs import with_run_folders
from facegen.training.runs.run import Run
from studies import reproduce
from studies.reproduce import Job, set_aside


def job(folder: Path, name: str, *overrides: str) -> Job:
    path = reproduce.RECIPES / f"{name}.toml"
    recipe = with_run_folders(read_recipe(path, preset="small", overrides=overrides), folder / name)
    return Job(path, "small", recipe, folder / name, ("heldout_people",))


def begin(*jobs: Job) -> None:
    for one in jobs:
        Run.create(one.run, one.recipe, DataSpec(image_pixels=32))


def test_runs_of_changed_recipes_and_their_dependants_are_moved_aside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = tmp_path / "seconds.json"
    clock.write_text(json.dumps({name: {"train": 1.0} for name in ("match_dimnet", "match_svhf", "match_v2f")}))
    begin(job(tmp_path, "match_dimnet", "match.steps=7"), job(tmp_path, "match_svhf"), job(tmp_path, "match_v2f"))
    jobs = [job(tmp_path, name) for name in ("match_dimnet", "match_svhf", "match_v2f", "match_pins")]
    assert [one.changes() for one in jobs] == ["match.steps", "", "", ""]
    set_aside(jobs, clock)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "match_dimnet.old1", "match_svhf.old1", "match_v2f", "seconds.json"
    ]  # fmt: skip
    assert Run.open(tmp_path / "match_dimnet.old1").recipe.tables["match"]["steps"] == 7
    assert list(json.loads(clock.read_text())) == ["match_v2f"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("match_dimnet: the recipe has changed since, in match.steps; trained anew")
    assert "match_dimnet, which it begins with" in lines[1] and str(tmp_path / "match_svhf.old1") in lines[1]
    begin(job(tmp_path, "match_dimnet", "match.steps=8"))
    set_aside(jobs, clock)
    assert (tmp_path / "match_dimnet.old2").exists()


def test_run_moved_with_its_earlier_runs_is_kept(tmp_path: Path) -> None:
    begin(job(tmp_path / "one", "match_svhf"))
    (tmp_path / "one").rename(tmp_path / "other")
    assert job(tmp_path / "other", "match_svhf").changes() == ""


def test_run_with_an_invalid_recipe_is_moved_aside(tmp_path: Path) -> None:
    begin(job(tmp_path, "match_v2f"))
    text = (tmp_path / "match_v2f" / "recipe.toml").read_text()
    (tmp_path / "match_v2f" / "recipe.toml").write_text(text.replace("[match]", "[match]\nbygone = 1"))
    assert "bygone" in job(tmp_path, "match_v2f").changes()


def test_reports_of_other_weights_are_made_again(
    write: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hashes of run and baseline decide, whatever the times of the files."""
    baseline = job(tmp_path, "speech_relativistic")
    relid = replace(job(tmp_path, "speech_relid"), baselines=(baseline,))
    about = {
        "run": "", "step": 1, "corpus": "", "seed": 0, "judge": "", "judge_key": "", "corpus_key": "", "max_clips": 1,
        "num_clips": 1, "num_people": 1, "num_noises": 1, "table": "t.md", "picture": None,
    }  # fmt: skip
    weights = {"speech_relid": "aa", "speech_relativistic": "bb"}
    monkeypatch.setattr(reproduce, "weights_hash", lambda run: weights[run.path.name])
    monkeypatch.setattr(Run, "is_finished", True)
    begin(relid)
    assert relid.missing_splits() == ("heldout_people",), "no report"
    write("speech_relid", "heldout_people", {"preference.over_true": (0.6,)}, weights_hash="a0", **about)
    assert relid.missing_splits() == ("heldout_people",), "other weights"
    write("speech_relid", "heldout_people", {"preference.over_true": (0.6,)}, weights_hash="aa", **about)
    assert relid.missing_splits() == ()
    begin(baseline)
    assert relid.missing_splits() == ("heldout_people",)
    called: list[tuple[str, ...]] = []
    monkeypatch.setattr(reproduce, "run_facegen", lambda *words: called.append(words) or 0)
    assert reproduce.work(relid, tmp_path / "seconds.json") == ""
    split, against = ("--split", "heldout_people"), ("--against", str(baseline.run))
    assert called == [("evaluate", str(relid.run), *split, *against)]
    about |= {"weights_hash": "aa", "baselines": {"speech_relativistic": "bb"}}
    write("speech_relid", "heldout_people", {"preference.over.speech_relativistic": (0.8,)}, **about)
    assert relid.missing_splits() == ()
    weights["speech_relativistic"] = "b0"
    assert relid.missing_splits() == ("heldout_people",), "the baseline was trained anew"


def test_every_recipe_has_its_splits_and_relid_its_baseline(tmp_path: Path) -> None:
    jobs = {one.run.name: one for one in reproduce.plan(tmp_path, "small")}
    assert set(jobs) == {path.stem for path in reproduce.RECIPES.glob("*.toml")}
    assert jobs["name_acgan"].splits == ("train", "heldout_utterances")
    assert jobs["speech_lsgan"].splits == ("train", "heldout_utterances", "heldout_people")
    assert {name: [one.run.name for one in job.baselines] for name, job in jobs.items() if job.baselines} == {
        "speech_relid": ["speech_relativistic"]
    }
    assert jobs["text_stackgan_2"].begins_with[-1] == "text_stackgan_1"
