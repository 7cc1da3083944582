"""Shipped recipes where pretrained weights may be missing."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from facegen.core.recipe.recipe import face_recogniser, read_recipe


def overrides_of(path: Path, speaker_weights: Path) -> list[str]:
    """Return overrides that replace pretrained weights; skip where a recogniser's packages are missing."""
    recipe = read_recipe(path)
    recogniser = face_recogniser(recipe)
    if recogniser is not None:
        missing = [name for name in ("dlib", "face_recognition_models") if find_spec(name) is None]
        if missing:
            pytest.skip(f"{recogniser.name} works with {' and '.join(missing)}, which are not installed")
    has_speaker = any(config.name == "speaker_embedding" for config in recipe.configs["conditioner"])
    return [f"conditioner.weights='{speaker_weights}'"] if has_speaker else []
