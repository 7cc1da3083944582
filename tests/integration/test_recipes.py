"""Every recipe: read and checked at every size, trained for two steps at a tiny size, and used to generate."""

import tomllib
import wave
from pathlib import Path

import pytest
from PIL import Image
from shipped_recipes import overrides_of
from tiny_runs import RECIPES, Facegen, settings

from facegen.core.batch import IDENTITY_IMAGE
from facegen.core.recipe.recipe import Recipe, read_recipe
from facegen.training.check.dry_run import dry_run
from facegen.training.runs.run import Run
from facegen.training.train import open_dataset

FILES = sorted(RECIPES.glob("*.toml"))
PRESETS = {path: (None, *tomllib.loads(path.read_text()).get("preset", {})) for path in FILES}


def base_of(path: Path) -> Path | None:
    """Return the recipe that a recipe extends, or None."""
    extends = tomllib.loads(path.read_text()).get("extends")
    return None if extends is None else path.parent / extends


def presets_of(path: Path) -> list[str | None]:
    """Return None for full size, and the presets of the recipe and of the recipe that it extends."""
    base = base_of(path)
    return [*dict.fromkeys([*PRESETS[path], *(PRESETS[base] if base is not None else ())])]


@pytest.mark.parametrize(
    ("path", "preset"),
    [pytest.param(path, preset, id=f"{path.stem}-{preset or 'full'}") for path in FILES for preset in presets_of(path)],
)
def test_recipe_passes_the_dry_run_at_every_size(path: Path, preset: str | None, speaker_weights: Path) -> None:
    recipe = read_recipe(path, preset=preset, overrides=overrides_of(path, speaker_weights))
    networks = dry_run(recipe, open_dataset(recipe).spec)
    assert (networks.face_pipeline is None) == (recipe.train is None)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_recipe_has_a_small_and_a_medium_preset(path: Path) -> None:
    assert {"small", "medium"} <= {*presets_of(path)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_medium_preset_draws_64_pixels(path: Path) -> None:
    assert read_recipe(path, preset="medium").config("dataset").engine.image_pixels == 64


@pytest.mark.parametrize("path", [path for path in FILES if base_of(path)], ids=lambda path: path.stem)
def test_recipe_extends_a_base_recipe_at_most(path: Path) -> None:
    base = base_of(path)
    assert base is not None and base.is_file()
    assert base_of(base) is None


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_recipe_is_listed_in_the_index(path: Path) -> None:
    assert f"[`{path.stem}`]({path.name})" in (RECIPES / "README.md").read_text()


def tiny(path: Path) -> list[str]:
    """Return --set options of a tiny run for the tables of the recipe; a draft is half as large."""
    tables = read_recipe(path, preset="small").tables
    drafts = {"data__image_pixels": 32, "draft__image_pixels": 16, "generator__draft_pixels": 16}
    options = settings(**(drafts if "draft" in tables else {}))[1::2]
    return [word for option in options if option.split(".")[0] in tables for word in ("--set", option)]


def known_of(recipe: Recipe) -> frozenset[str]:
    """Return the Batch columns that the conditioners read."""
    return frozenset[str]().union(*(config.part.load().needs for config in recipe.configs["conditioner"]))  # type: ignore[attr-defined]


def words_for(needs: frozenset[str], folder: Path) -> list[object]:
    """Return the options of `facegen generate` that give the condition."""
    words: list[object] = []
    if "speech" in needs:
        sound = folder / "somebody.wav"
        with wave.open(str(sound), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(16000)
            file.writeframes(bytes(range(1, 201)) * 100)
        words += ["--speech", sound]
    if IDENTITY_IMAGE in needs:
        Image.new("RGB", (40, 40), (200, 150, 120)).save(folder / "somebody.png")
        words += ["--face", folder / "somebody.png"]
    if "identity" in needs:
        words += ["--name", "speaker-3"]
    if "caption" in needs:
        words += ["--text", "a man in his fifties with short grey hair and glasses"]
    return words


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_recipe_trains_and_generates(path: Path, facegen: Facegen, tmp_path: Path, speaker_weights: Path) -> None:
    out = tmp_path / "run"
    own = [word for override in overrides_of(path, speaker_weights) for word in ("--set", override)]
    assert facegen("train", path, "--preset", "small", *tiny(path), *own, "--out", out) == 0
    recipe = Run.open(out).recipe
    assert Run.open(out).is_matched == (recipe.optional_config("matcher") is not None)
    if recipe.train is None:
        return
    assert (out / "samples" / "step_00000002.png").is_file()
    words = words_for(known_of(recipe), tmp_path)
    assert facegen("generate", out, *words, "--count", 2, "--out", tmp_path / "faces") == 0
    faces = sorted((tmp_path / "faces").glob("*_run_seed0_?.png"))
    size = recipe.config("dataset").engine.image_pixels
    assert len(faces) == 2
    for face in faces:
        with Image.open(face) as picture:
            assert picture.size == (size, size)
