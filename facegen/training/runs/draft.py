"""The earlier run whose faces a generator refines: where it is, whether it fits, and what a run keeps of it.

Its weights are part of the face pipeline, in every checkpoint; its recipe and what its corpus was stand in RUN/draft.
"""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from facegen.core.batch import DataSpec
from facegen.core.errors import RecipeError
from facegen.core.files import new_folder
from facegen.core.recipe.part_config import Recipe
from facegen.training.runs.run import Run

FOLDER = "draft"
KEPT = ("recipe.toml", "run.json")


@dataclass(frozen=True)
class DraftRun:
    """What must be known of an earlier run to build its face pipeline.

    Attributes:
        recipe: its own.
        data: what it was trained on.
        draft: the run that it refines itself.
    """

    recipe: Recipe
    data: DataSpec
    draft: "DraftRun | None" = None

    @classmethod
    def open(cls, path: Path) -> "DraftRun":
        """A run folder, or what another run keeps of it.

        Raises:
            CheckpointError: it is missing or damaged.
        """
        run = Run.open(path)
        return cls(run.recipe, run.data, kept_draft(path))


def kept_draft(path: Path) -> DraftRun | None:
    """What a run keeps of the run that it refines."""
    return DraftRun.open(path / FOLDER) if (path / FOLDER).exists() else None


def find_draft(recipe: Recipe, data: DataSpec, path: Path | None = None) -> DraftRun | None:
    """The run that a recipe's generator refines; None where it refines none.

    Args:
        recipe: checked.
        data: what its corpus is.
        path: its own run folder, which may keep what is asked for.
    Raises:
        CheckpointError: the earlier run is missing or damaged.
        RecipeError: it does not fit.
    """
    if recipe.draft is None:
        return None
    kept = None if path is None else kept_draft(path)
    if kept is not None:
        return kept
    earlier = recipe.earlier.get("draft.run")
    if earlier is None:
        found = DraftRun.open(recipe.draft.run)
    else:
        smaller = replace(data, image_pixels=recipe.draft.image_pixels)
        found = DraftRun(earlier, smaller, find_draft(earlier, smaller))
    problems = _misfits(found, data, recipe.draft.image_pixels)
    if problems:
        raise RecipeError(*(f"{recipe.source}: [draft] {found.recipe.source} {problem}" for problem in problems))
    return found


def keep_draft(run: Run, earlier: Path) -> None:
    """Copy what must be known of the earlier run into a run's folder, whole or not at all."""
    with new_folder(run.path / FOLDER) as part:
        for name in KEPT:
            shutil.copyfile(earlier / name, part / name)
        if (earlier / FOLDER).exists():
            shutil.copytree(earlier / FOLDER, part / FOLDER)


def _misfits(draft: DraftRun, data: DataSpec, image_pixels: int) -> list[str]:
    """Why the earlier run cannot draw for the rows of this corpus."""
    found, its = [], draft.data
    if draft.recipe.train is None:
        found.append("has no [train]: it only matches, and draws no faces")
    if its.image_pixels != image_pixels:
        found.append(f"draws faces of {its.image_pixels} pixels; write image_pixels = {its.image_pixels}")
    needs = frozenset[str]()
    for config in draft.recipe.configs["conditioner"]:
        needs |= config.part.load().needs  # type: ignore[attr-defined]
    lacking = sorted(needs - data.columns)
    if lacking:
        found.append(f"reads {', '.join(lacking)}; the corpus has {', '.join(sorted(data.columns))}")
    for column, unit, mine, theirs in (
        ("speech", "samples of speech", data.speech_samples, its.speech_samples),
        ("speech", "Hz", data.sample_rate_hz, its.sample_rate_hz),
        ("caption", "characters", data.caption_characters, its.caption_characters),
        ("text", "numbers a text", data.text_dim, its.text_dim),
    ):
        if column in needs - set(lacking) and mine != theirs:
            found.append(f"reads {theirs} {unit}, and this recipe {mine}; [data] must agree")
    if "identity" in needs and data.identities != its.identities:
        found.append("knows other people by name than this recipe's corpus holds")
    return found
