"""Files of a run folder, by which a run can be named in the place of its recipe."""

from os.path import isfile
from pathlib import Path

METADATA, RECIPE = "run.json", "recipe.toml"


def is_run(path: Path) -> bool:
    """Tell whether a path is that of a run folder."""
    return isfile(path / METADATA)


def recipe_of(path: Path) -> Path:
    """Return the recipe of a run folder, and any other path as it is."""
    return path / RECIPE if is_run(path) else path
