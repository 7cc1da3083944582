"""The recipe that trains a judge: the run's match stage, never the run itself; and the recipes that share one judge."""

from pathlib import Path
from typing import Any

import pytest

from facegen.core.batch import DataSpec
from facegen.core.errors import RecipeError
from facegen.core.recipe.recipe import check_recipe
from facegen.core.recipe.tables import EvaluateSettings
from facegen.data.synthetic.speakers import Synthetic
from facegen.evaluation.judging.judge_recipe import judge_key, judge_recipe
from facegen.training.check.dry_run import dry_run
from facegen.training.runs.run import Run

MATCH = {"type": "softmax", "steps": 7}


def tables(**changes: Any) -> dict[str, Any]:
    recipe_tables: dict[str, Any] = {
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
    return {name: table for name, table in recipe_tables.items() if table is not None}


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


def test_balance_of_the_run_does_not_change_its_judge() -> None:
    balanced, plain = run(data={"type": "synthetic", "num_people": 50, "balance": "sex"}), run()
    judges = [judge_recipe(mine, mine.recipe, EvaluateSettings(judge_seed=1000)) for mine in (balanced, plain)]
    assert judges[0].config("dataset").engine.balance is None
    assert judges[0].tables == judges[1].tables


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


def test_a_judge_never_starts_where_the_run_started() -> None:
    mine = run(match={**MATCH, "start": "runs/earlier"})
    settings = EvaluateSettings(judge_start=Path("runs/other"))
    assert judge_recipe(mine, mine.recipe, settings).tables["match"] == {**MATCH, "start": "runs/other"}
    assert judge_recipe(mine, mine.recipe, EvaluateSettings()).tables["match"] == MATCH
    with pytest.raises(RecipeError, match="judge_start = runs/earlier: the run's own encoders start from it"):
        judge_recipe(mine, mine.recipe, EvaluateSettings(judge_start=Path("runs/earlier")))


JUDGE = {
    "conditioner": {"type": "one_hot"},
    "discriminator": {"type": "projection", "width": 4},
    "match": {"type": "softmax", "steps": 11},
}


def judge_of(mine: Run, **settings: Any) -> dict[str, Any]:
    return dict(judge_recipe(mine, mine.recipe, EvaluateSettings(**settings)).tables)


def test_tables_of_the_judge_replace_those_of_the_recipe_whole() -> None:
    judge = judge_of(run(judge=JUDGE))
    assert {name: judge[name] for name in JUDGE} == JUDGE
    judge = judge_of(run(judge={"match": {"type": "softmax", "augment": True}}))
    assert judge["match"] == {"type": "softmax", "augment": True}  # the recipe's own steps are gone
    assert judge["conditioner"] == tables()["conditioner"]
    assert judge["augment"] == {"type": "diff_augment"}
    assert "augment" not in judge_of(run(judge={"augment": {"type": "diff_augment"}}))


def test_a_recipe_without_match_has_a_judge_of_its_own() -> None:
    judge = judge_of(run(match=None, judge=JUDGE, conditioner=[{"type": "one_hot"}]))
    assert judge["match"] == JUDGE["match"]
    assert judge["run"]["seed"] == 1000


def test_the_tables_of_a_judge_are_checked_with_the_recipe() -> None:
    wrong = {
        "match": {"type": "softmx"}, "discriminator": {"type": "projection", "widht": 4}, "matc": {},
        "conditioner": [{"type": "one_hot", "form": "square"}],
    }  # fmt: skip
    with pytest.raises(RecipeError) as caught:
        check_recipe(tables(judge=wrong, objective=[{"type": "rellid"}]), "voices.toml")
    message = "\n".join(caught.value.problems)
    for part in (
        "[objective] type = 'rellid'", "[judge.match] type = 'softmx'", "[judge.conditioner] form = \"square\"",
        "[judge.discriminator] widht is not a key here; did you mean 'width'?",
        "[judge.matc] is not a table of a judge; did you mean 'match'?",
    ):  # fmt: skip
        assert f"voices.toml: {part}" in message
    assert len(caught.value.problems) == 5


@pytest.mark.parametrize("judge, pattern", [
    ({"conditioner": {"type": "one_hot"}}, r"\[judge.match\] is missing: the recipe has no \[match\]"),
    ({"match": {"type": "softmax", "start": "runs/other"}}, r"\[judge.match\] start: is not allowed for a judge"),
    ([], r"judge = \[\]: must be a table of tables, such as \[judge.match\]"),
])  # fmt: skip
def test_a_judge_that_cannot_be(judge: Any, pattern: str) -> None:
    with pytest.raises(RecipeError, match=pattern):
        check_recipe(tables(judge=judge, match=None), "voices.toml")


def test_refusals_mention_the_table_of_the_judge() -> None:
    silent = run(match=None)
    with pytest.raises(RecipeError, match=r"\[judge.match\] for the judge only"):
        judge_recipe(silent, silent.recipe, EvaluateSettings())
    deaf = run(match={"type": "speaker_classification"})
    with pytest.raises(RecipeError, match=r"does not compare faces, .* such as 'softmax', in \[judge.match\]"):
        judge_recipe(deaf, deaf.recipe, EvaluateSettings())
    assert judge_of(run(match={"type": "speaker_classification"}, judge=JUDGE))["match"] == JUDGE["match"]


def key(mine: Run, **settings: Any) -> str:
    recipe = judge_recipe(mine, mine.recipe, EvaluateSettings(**settings))
    data = recipe.config("dataset")
    return judge_key(recipe, Synthetic(data.engine, **data.settings))


def test_recipes_with_the_same_judge_share_it() -> None:
    """Other tables of the run make no difference, nor does a default that is written out."""
    first = key(run(judge=JUDGE))
    named = run(match=None, judge=JUDGE, conditioner=[{"type": "one_hot"}], run={"name": "other", "seed": 9})
    assert key(named) == first
    spelt = {**JUDGE, "match": {"type": "softmax", "steps": 11, "batch_size": 64, "log_steps": 3}}
    assert key(run(judge=spelt, data={"type": "synthetic", "num_people": 50, "resident_gib": 1.0})) == first


@pytest.mark.parametrize("changes, settings", [
    ({"judge": {**JUDGE, "match": {"type": "softmax", "steps": 12}}}, {}),
    ({"judge": {**JUDGE, "discriminator": {"type": "projection"}}}, {}),
    ({"judge": JUDGE, "data": {"type": "synthetic", "num_people": 51}}, {}),
    ({"judge": JUDGE, "data": {"type": "synthetic", "num_people": 50, "mirror": True}}, {}),
    ({"judge": JUDGE}, {"judge_seed": 1001}),
])  # fmt: skip
def test_what_trains_a_judge_tells_it_from_others(changes: dict[str, Any], settings: dict[str, Any]) -> None:
    assert key(run(**changes), **settings) != key(run(judge=JUDGE))


def test_a_judge_that_does_not_fit_together_is_told_before_the_run_is_trained() -> None:
    spec = DataSpec(image_pixels=64, identities=("anna", "ben"))
    fitting = {"match": {"type": "softmax"}, "discriminator": {"type": "projection"}}
    named = tables(match=None, conditioner={"type": "one_hot"}, objective={"type": "relativistic"})
    dry_run(check_recipe({**named, "judge": fitting}, "names.toml"), spec)
    hearing = {**fitting, "conditioner": {"type": "mfcc"}}
    with pytest.raises(RecipeError, match=r"names.toml, its judge: \[conditioner\] type = 'mfcc' needs speech"):
        dry_run(check_recipe({**named, "judge": hearing}, "names.toml"), spec)
