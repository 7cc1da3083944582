"""A rehearsal passes a blank batch through every loss, so that what does not fit shows before anything is trained."""

from dataclasses import replace
from pathlib import Path

import pytest

from facegen.core.errors import RecipeError
from facegen.core.recipe import read_recipe
from facegen.testing import SMALL_DATA
from facegen.training.rehearsal import rehearse

RECIPE = Path(__file__).parents[3] / "recipes" / "speech_relid.toml"
DATA = replace(SMALL_DATA, image_pixels=48, speech_samples=19200)


def rehearsed(tmp_path, tables, without=("match", "objective", "penalty")):
    path = tmp_path / "recipe.toml"
    path.write_text(f"extends = '{RECIPE}'\nwithout = {list(without)}\n{tables}")
    return rehearse(read_recipe(path, preset="small"), DATA)


@pytest.mark.parametrize(
    ("tables", "heads"),
    [
        ("[[objective]]\ntype = 'auxiliary_classifier'", {"classify": 7}),
        (
            "[[objective]]\ntype = 'auxiliary_classifier'\nfake_class = false\n"
            "[[objective]]\ntype = 'least_squares'\nhead = 'unconditional'",
            {"classify": 6, "score_unconditional": 1},
        ),
        (
            "[[objective]]\ntype = 'wasserstein'\n[[penalty]]\ntype = 'gradient_penalty'\n"
            "[[penalty]]\ntype = 'r2'\n[augment]\ntype = 'adaptive'",
            {"score": 1},
        ),
    ],
)
def test_games_with_and_without_a_conditional_score(tmp_path, tables, heads):
    networks = rehearsed(tmp_path, tables)
    asked = {head: width for objective in networks.objectives.values() for head, width in objective.heads.items()}
    assert asked == heads


def test_the_embedding_is_there_where_the_match_stage_learns_one(tmp_path):
    tables = "[[objective]]\ntype = 'reconstruction'\nsource = 'embedding'"
    assert list(rehearsed(tmp_path, tables, ("objective", "penalty")).objectives) == ["reconstruction"]


@pytest.mark.parametrize(
    ("tables", "named"),
    [
        ("[[objective]]\ntype = 'reconstruction'\nsource = 'embedding'", r"\[objective\] reconstruction"),
        (
            "[[objective]]\ntype = 'auxiliary_classifier'\n[[penalty]]\ntype = 'gradient_penalty'",
            r"\[penalty\] GradientPenalty",
        ),
        ("[[objective]]\ntype = 'auxiliary_classifier'\n[augment]\ntype = 'adaptive'", r"\[augment\]"),
    ],
)
def test_a_head_that_nobody_asks_for(tmp_path, tables, named):
    with pytest.raises(RecipeError, match=f"{named} reads a head that no objective and no matcher asks"):
        rehearsed(tmp_path, tables)
