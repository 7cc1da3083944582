"""Recipe that trains the judge of a run, and the key by which runs share a judge."""

import hashlib
import json
from os.path import samefile
from pathlib import Path
from typing import Any

from facegen.core.errors import RecipeError
from facegen.core.interfaces import Dataset, Matcher
from facegen.core.kinds import RECIPE_KINDS
from facegen.core.recipe.file import JUDGE_TABLES, judge_tables
from facegen.core.recipe.recipe import Recipe, check_recipe
from facegen.core.recipe.tables import EvaluateSettings
from facegen.training.devices import device_problem
from facegen.training.runs.open_run import is_run_or_model, open_run_or_model, run_folder
from facegen.training.runs.part_files import without_folders
from facegen.training.runs.run import Run

_IDLE_KEYS = {
    "data": ("path", "resident_gib", "balance"),
    "conditioner": ("trained",),
    "match": ("log_steps", "checkpoint_steps"),
}
"""Keys that do not affect the judge's weights; the corpus' fingerprint takes the place of its path."""


def judge_recipe(run: Run, home: Recipe, settings: EvaluateSettings) -> Recipe:
    """Derive the judge's recipe: the run's match stage on the corpus of `home`, with another seed and [judge]'s tables.

    If the match stage is that of an earlier run whose folder exists, its recipe is used.

    Raises:
        RecipeError: there is no match stage, or the seed or the start is that of the run's own encoders.
    """
    own = run.recipe
    matcher = own.optional_config("matcher")
    source = own.earlier.get("match.run", own)
    if matcher is not None and matcher.engine.run is not None and is_run_or_model(matcher.engine.run):
        source = open_run_or_model(matcher.engine.run).recipe
    _check_independence(settings, own, source)
    tables = judge_tables(source.tables, own.tables.get("judge", {}), settings.judge_start)
    if "match" not in tables or "discriminator" not in tables:
        raise RecipeError(
            f"{own.source}: has no [match], which trains the judge that evaluation needs; add a [match] table, or a "
            f"[judge.match] for the judge only (such as type = 'softmax'), with a discriminator, and evaluate again"
        )
    # Unbalanced, so that runs that differ in it are measured by one judge.
    tables["data"] = {key: value for key, value in home.tables["data"].items() if key != "balance"}
    tables["run"] = {
        "name": "judge", "seed": settings.judge_seed, "device": _device(own), "precision": own.run.precision
    }  # fmt: skip
    recipe = check_recipe(tables, f"the judge of {own.source}")
    _check_face_matcher(recipe, settings)
    return recipe


def _check_independence(settings: EvaluateSettings, own: Recipe, source: Recipe) -> None:
    """Refuse a judge that shares its seed or its start with the run."""
    seed, start = settings.judge_seed, settings.judge_start
    if seed in {own.run.seed, source.run.seed}:
        raise RecipeError(
            f"{own.source}: [evaluate] judge_seed = {seed}: the run's own encoders have this seed, and the "
            f"generator was trained with them; choose another seed"
        )
    matcher = source.optional_config("matcher")
    own_start = None if matcher is None else matcher.engine.start
    if start is not None and own_start is not None and _same_run(start, own_start):
        raise RecipeError(
            f"{own.source}: [evaluate] judge_start = {start}: the run's own encoders start from it; "
            f"name a run of another seed"
        )


def _device(own: Recipe) -> str:
    """Return the device of the judge's training; it need not be the run's own, which this machine may lack."""
    device = own.run.device
    return "auto" if device == "cuda" or device_problem(device) else device


def _same_run(one: Path, other: Path) -> bool:
    return one == other or (all(map(is_run_or_model, (one, other))) and samefile(run_folder(one), run_folder(other)))


def _check_face_matcher(recipe: Recipe, settings: EvaluateSettings) -> None:
    """Refuse a matcher that does not compare faces, or does not train the face network."""
    matcher = recipe.config("matcher")
    part: type[Matcher] = matcher.part.load()
    if not part.needs_faces:
        raise RecipeError(
            f"{matcher.where} type = '{matcher.name}': does not compare faces, so that it cannot train a judge; "
            f"name a matcher that compares faces, such as 'softmax', in [judge.match]"
        )
    if not part.trains_faces and settings.judge_start is None:
        raise RecipeError(
            f"{matcher.where} type = '{matcher.name}': does not train the face network; name a run of another "
            f"seed that has a trained one with [evaluate] judge_start, or another matcher in [judge.match]"
        )


def judge_key(recipe: Recipe, corpus: Dataset) -> str:
    """Hash all settings that determine a judge, defaults included, so that equal runs share it."""
    ingredients: list[Any] = [recipe.run.seed, recipe.run.precision, corpus.fingerprint()]
    for kind in RECIPE_KINDS.values():
        if kind.table in ("data", *JUDGE_TABLES):
            idle = _IDLE_KEYS.get(kind.table, ())
            for config in recipe.configs[kind.name]:
                settings = {key: value for key, value in config.values.items() if key not in idle}
                ingredients.append([kind.table, without_folders(settings)])
    return hashlib.sha256(json.dumps(ingredients, sort_keys=True).encode()).hexdigest()[:16]
