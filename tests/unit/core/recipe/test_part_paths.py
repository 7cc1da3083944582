"""Paths of parts: those of weights that others have trained are told apart."""

from pathlib import Path

from facegen.core.recipe.part_paths import part_paths, pretrained_paths
from facegen.core.recipe.recipe import read_recipe

VOICE = Path(__file__).parents[4] / "recipes" / "voice.toml"


def test_weights_of_a_pretrained_conditioner_are_named(tmp_path: Path) -> None:
    weights = tmp_path / "weights.pt"
    recipe = read_recipe(VOICE, preset="small", overrides=[f"conditioner.weights='{weights}'"])
    assert pretrained_paths(recipe) == {weights}
    assert [path for _, path in part_paths(recipe)] == [weights]
    assert pretrained_paths(read_recipe(VOICE, preset="small")) == set()
