"""Paths of parts: those of weights that others have trained are told apart."""

from pathlib import Path

from facegen.core.recipe.part_paths import part_paths, pretrained_paths, with_part_paths
from facegen.core.recipe.portable import without_paths
from facegen.core.recipe.recipe import read_recipe

VOICE = Path(__file__).parents[4] / "recipes" / "voice.toml"


def test_weights_of_a_pretrained_conditioner_are_named(tmp_path: Path) -> None:
    weights = tmp_path / "weights.pt"
    recipe = read_recipe(VOICE, preset="small", overrides=[f"conditioner.weights='{weights}'"])
    assert pretrained_paths(recipe) == {weights}
    assert [path for _, path in part_paths(recipe)] == [weights]
    assert pretrained_paths(read_recipe(VOICE, preset="small")) == set()


def test_paths_of_a_judge_are_listed_and_changed_like_others(tmp_path: Path) -> None:
    weights = tmp_path / "weights.pt"
    words = ["judge.conditioner.type=speaker_embedding", f"judge.conditioner.weights='{weights}'"]
    recipe = read_recipe(VOICE, overrides=words)
    assert part_paths(recipe) == [(f"{VOICE}: [judge.conditioner] weights", weights)]
    assert pretrained_paths(recipe) == {weights}
    changed = with_part_paths(recipe, lambda path: f"files/{path.name}")
    assert changed["judge"]["conditioner"] == {"type": "speaker_embedding", "weights": "files/weights.pt"}
    assert recipe.tables["judge"]["conditioner"]["weights"] == str(weights)
    assert "weights" not in without_paths(recipe)["judge"]["conditioner"]
