"""Which recipe trains the judge of a run, and when two judges are one."""

import hashlib
import json
from typing import Any

from facegen.core.errors import RecipeError
from facegen.core.interfaces import Dataset, Matcher
from facegen.core.kinds import RECIPE_KINDS
from facegen.core.recipe.file import JUDGE_TABLES, judge_tables
from facegen.core.recipe.recipe import Recipe, check_recipe
from facegen.core.recipe.tables import EvaluateSettings
from facegen.training.runs.run import Run

_IDLE_KEYS = {
    "data": ("path", "resident_gib"),
    "conditioner": ("trained",),
    "match": ("log_steps", "checkpoint_steps"),
}
"""Keys that do not change what a match stage learns; the corpus' fingerprint stands for its path."""


def judge_recipe(run: Run, home: Recipe, settings: EvaluateSettings) -> Recipe:
    """The run's match stage alone, on the corpus of `home` and with another seed; [judge] replaces tables of it.

    Where the run took its match stage from an earlier one, that one's recipe counts, if it is still there.

    Raises:
        RecipeError: there is no match stage, or seed or start are those that the run was trained with.
    """
    own = run.recipe
    matcher = own.optional_config("matcher")
    source = own.earlier.get("match.run", own)
    if matcher is not None and matcher.engine.run is not None and (matcher.engine.run / "run.json").exists():
        source = Run.open(matcher.engine.run).recipe
    _refuse_kinship(settings, own, source)
    tables = judge_tables(source.tables, own.tables.get("judge", {}), settings.judge_start)
    if "match" not in tables or "discriminator" not in tables:
        raise RecipeError(
            f"{own.source}: has no [match], which trains the judge that evaluation needs; add a [match] table, or a "
            f"[judge.match] for the judge alone (such as type = 'softmax'), with a discriminator, and evaluate again"
        )
    tables["data"] = home.tables["data"]
    tables["run"] = {
        "name": "judge", "seed": settings.judge_seed, "device": own.run.device, "precision": own.run.precision
    }  # fmt: skip
    recipe = check_recipe(tables, f"the judge of {own.source}")
    _refuse_blindness(recipe, settings)
    return recipe


def _refuse_kinship(settings: EvaluateSettings, own: Recipe, source: Recipe) -> None:
    """A judge shares neither seed nor start with the run that it judges."""
    seed, start = settings.judge_seed, settings.judge_start
    if seed in {own.run.seed, source.run.seed}:
        raise RecipeError(
            f"{own.source}: [evaluate] judge_seed = {seed}: the run's own encoders have this seed, and would "
            f"judge faces that were trained to please them; choose another one"
        )
    matcher = source.optional_config("matcher")
    if start is not None and matcher is not None and start == matcher.engine.start:
        raise RecipeError(
            f"{own.source}: [evaluate] judge_start = {start}: the run's own encoders started from it; "
            f"name another run, of another seed"
        )


def _refuse_blindness(recipe: Recipe, settings: EvaluateSettings) -> None:
    """A judge compares faces, by a network that learnt to."""
    matcher = recipe.config("matcher")
    part: type[Matcher] = matcher.part.load()
    if not part.needs_faces:
        raise RecipeError(
            f"{matcher.where} type = '{matcher.name}': does not compare faces, so it cannot train a judge of them; "
            f"name a matcher that does, such as 'softmax', in [judge.match]"
        )
    if not part.trains_faces and settings.judge_start is None:
        raise RecipeError(
            f"{matcher.where} type = '{matcher.name}': does not teach the face network, so a judge by it needs "
            f"one that is trained: name a run of another seed with [evaluate] judge_start, or another matcher in "
            f"[judge.match]"
        )


def judge_key(recipe: Recipe, corpus: Dataset) -> str:
    """Of all that decides what a judge becomes, defaults included, and of nothing else: runs alike share it."""
    said: list[Any] = [recipe.run.seed, recipe.run.precision, corpus.fingerprint()]
    for kind in RECIPE_KINDS.values():
        if kind.table in ("data", *JUDGE_TABLES):
            idle = _IDLE_KEYS.get(kind.table, ())
            for choice in recipe.configs[kind.name]:
                said.append([kind.table, {key: value for key, value in choice.values.items() if key not in idle}])
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]
