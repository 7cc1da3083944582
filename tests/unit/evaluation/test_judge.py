"""Which recipe trains a judge: the run's match stage, never the run itself."""

import threading
from pathlib import Path
from typing import Any

import pytest

from facegen.core.batch import DataSpec
from facegen.core.errors import RecipeError
from facegen.core.observer import Observer
from facegen.core.recipe import check_recipe
from facegen.core.tables import EvaluateSettings
from facegen.evaluation.judge import judge_recipe, taking_turns
from facegen.training.run import Run

MATCH = {"type": "softmax", "steps": 7}


def tables(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "run": {"name": "voices", "seed": 3},
        "data": {"type": "synthetic", "num_people": 50},
        "conditioner": [{"type": "waveform_sincnet", "condition_dim": 16, "trained": "frozen"}],
        "discriminator": {"type": "projection", "width": 8},
        "generator": {"type": "adain"},
        "objective": [{"type": "relid"}],
        "augment": {"type": "diff_augment"},
        "match": MATCH,
        "train": {"steps": 9},
        **changes,
    }
    return {name: table for name, table in found.items() if table is not None}


def run(path: Path = Path("runs/voices"), **changes: Any) -> Run:
    return Run(path, check_recipe(tables(**changes), "voices.toml"), DataSpec(image_pixels=32))


def test_a_judge_is_the_match_stage_alone_with_another_seed() -> None:
    mine = run()
    judge = judge_recipe(mine, mine.recipe, EvaluateSettings(judge_seed=1000))
    assert judge.train is None
    assert set(judge.tables) == {"run", "data", "conditioner", "discriminator", "match"}
    assert judge.run.seed == 1000
    assert {name: judge.tables[name] for name in ("data", "match")} == {
        "data": mine.recipe.tables["data"],
        "match": MATCH,
    }


def test_faces_are_augmented_where_the_match_stage_does_so() -> None:
    mine = run(match={**MATCH, "augment": True})
    assert judge_recipe(mine, mine.recipe, EvaluateSettings(judge_seed=1000)).tables["augment"] == {
        "type": "diff_augment"
    }


def test_where_the_match_stage_was_taken_over_the_earlier_run_counts(tmp_path: Path) -> None:
    earlier = tables(train=None, objective=None, run={"name": "earlier", "seed": 5}, match={**MATCH, "steps": 77})
    Run.create(tmp_path / "earlier", check_recipe(earlier, "earlier.toml"), DataSpec(image_pixels=32))
    mine = run(match={"type": "softmax", "run": str(tmp_path / "earlier")})
    assert judge_recipe(mine, mine.recipe, EvaluateSettings(judge_seed=1000)).tables["match"] == {**MATCH, "steps": 77}
    with pytest.raises(RecipeError, match="judge_seed = 5"):
        judge_recipe(mine, mine.recipe, EvaluateSettings(judge_seed=5))
    gone = run(match={**MATCH, "run": str(tmp_path / "gone")})
    assert judge_recipe(gone, gone.recipe, EvaluateSettings(judge_seed=1000)).tables["match"] == MATCH


def test_refusals_say_what_to_do() -> None:
    silent = run(match=None)
    with pytest.raises(RecipeError, match=r"has no \[match\], .* add a \[match\] table"):
        judge_recipe(silent, silent.recipe, EvaluateSettings(judge_seed=1000))
    mine = run()
    with pytest.raises(RecipeError, match=r"judge_seed = 3: the run's own encoders have this seed"):
        judge_recipe(mine, mine.recipe, EvaluateSettings(judge_seed=3))


def test_who_comes_second_waits(tmp_path: Path) -> None:
    """Two processes train one judge once: a lock of the same file from elsewhere, here another open file."""
    told, order = threading.Event(), []

    class Second(Observer):
        def say(self, message: str) -> None:
            assert message == "another process is training the judge; waiting for it"
            told.set()

    def come() -> None:
        with taking_turns(tmp_path / "judges" / "key", Second()):
            order.append("second")

    second = threading.Thread(target=come)
    with taking_turns(tmp_path / "judges" / "key", Observer()):
        second.start()
        assert told.wait(10)
        order.append("first")
    second.join(10)
    assert order == ["first", "second"]


def test_a_judge_never_starts_where_the_run_started() -> None:
    mine = run(match={**MATCH, "start": "runs/earlier"})
    settings = EvaluateSettings(judge_start=Path("runs/other"))
    assert judge_recipe(mine, mine.recipe, settings).tables["match"] == {**MATCH, "start": "runs/other"}
    assert judge_recipe(mine, mine.recipe, EvaluateSettings()).tables["match"] == MATCH
    with pytest.raises(RecipeError, match="judge_start = runs/earlier: the run's own encoders started from it"):
        judge_recipe(mine, mine.recipe, EvaluateSettings(judge_start=Path("runs/earlier")))
