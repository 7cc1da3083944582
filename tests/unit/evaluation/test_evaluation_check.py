"""Reasons for which evaluation would refuse a run, each reported before the run is trained."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from facegen.core.errors import RecipeError
from facegen.core.recipe.recipe import check_recipe
from facegen.core.recipe.tables import EvaluateSettings
from facegen.evaluation.evaluation_check import evaluation_problems
from facegen.evaluation.judging.judge_recipe import judge_recipe
from facegen.training.check.dry_run import dry_run
from facegen.training.runs.run import Run
from facegen.training.train import open_dataset

DATA = {
    "type": "synthetic", "num_people": 20, "num_heldout_people": 6, "image_pixels": 16, "speech_seconds": 0.3,
    "clip_seconds": 0.3,
}  # fmt: skip
NAMES = {"type": "one_hot", "condition_dim": 8}
VOICES = {"type": "waveform_sincnet", "condition_dim": 8}
MATCH = {"type": "softmax", "batch_size": 8}


def recipe(**changes: Any):
    tables: dict[str, Any] = {
        "run": {"name": "voices", "seed": 3},
        "data": DATA,
        "conditioner": [VOICES],
        "discriminator": {"type": "projection", "width": 4},
        "generator": {"type": "adain", "width": 4},
        "objective": [{"type": "relid"}],
        "match": MATCH,
        "train": {"batch_size": 8},
        **changes,
    }
    return check_recipe({name: table for name, table in tables.items() if table is not None}, "voices.toml")


def problems(**changes: Any) -> list[str]:
    checked = recipe(**changes)
    dataset = open_dataset(checked)
    return evaluation_problems(checked, dataset, dry_run(checked, dataset.spec))


ONLY_MATCH = {"train": None, "generator": None, "objective": None}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"conditioner": [NAMES], "evaluate": {"split": "heldout_utterances"}},
        {"match": None, "judge": {"match": MATCH}},
        ONLY_MATCH,
        # Told by what it judges itself, no judge is asked for.
        {**ONLY_MATCH, "evaluate": {"judge_seed": 3}},
    ],
)
def test_a_run_that_can_be_evaluated(changes):
    assert problems(**changes) == []


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"match": None}, [r"voices.toml: has no [match], which trains the judge that evaluation needs"]),
        ({"match": None, "conditioner": [NAMES]}, ["has no [match]", "the run draws people by name"]),
        ({"evaluate": {"judge_seed": 3}}, ["[evaluate] judge_seed = 3: the run's own encoders have this seed"]),
        ({"evaluate": {"judge_start": "no/run"}}, ["no/run"]),
        ({"conditioner": [NAMES]},
         ["the run draws people by name, and the people of 'heldout_people' are not among the names of the training"]),
        ({"judge": {"conditioner": [NAMES]}}, ["the judge identifies people by name"]),
        ({"match": {"type": "speaker_classification", "batch_size": 8}}, ["does not compare faces"]),
        ({**ONLY_MATCH, "match": {"type": "speaker_classification", "batch_size": 8}}, ["does not compare faces"]),
        ({"match": None, "judge": {"match": {**MATCH, "batch_size": 64}}},
         ["the judge of voices.toml: [match] batch_size = 64: the training split holds 20 clips"]),
        ({"recogniser": [{"type": "resemblyzer"}]}, ["pip install"]),
        ({"data": {**DATA, "clips_per_person": 1}, "evaluate": {"split": "heldout_utterances"}},
         ["the split 'heldout_utterances' of this corpus holds no clips"]),
    ],
)  # fmt: skip
def test_a_run_that_evaluation_would_refuse(changes, parts, monkeypatch):
    monkeypatch.setitem(sys.modules, "resemblyzer", None)
    messages = problems(**changes)
    assert len(messages) == len(parts)
    assert all(part in problem for part, problem in zip(parts, messages, strict=True)), messages


def test_the_earlier_recipe_that_trains_the_match_stage_trains_the_judge(tmp_path: Path):
    """Before it is trained, an earlier run is a recipe, and no folder."""
    earlier = recipe(**ONLY_MATCH, run={"name": "earlier", "seed": 3}, match={**MATCH, "steps": 77})
    mine = replace(recipe(match={**MATCH, "run": str(tmp_path / "earlier.toml")}), earlier={"match.run": earlier})
    run = Run(Path("runs/voices"), mine, open_dataset(mine).spec)
    assert judge_recipe(run, mine, EvaluateSettings()).tables["match"]["steps"] == 77
    with pytest.raises(RecipeError, match="judge_seed = 3"):
        judge_recipe(run, mine, EvaluateSettings(judge_seed=3))
