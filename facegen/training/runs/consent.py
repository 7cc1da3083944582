"""Consent of the people whose faces and voices a run was trained on."""

from collections.abc import Iterator
from pathlib import Path

from facegen.core.batch import DataSpec
from facegen.core.errors import FacegenError
from facegen.core.recipe.part_config import Recipe
from facegen.data.loading.rows import clips_of
from facegen.training.build import DraftRun
from facegen.training.runs.earlier_runs import stored_draft
from facegen.training.runs.open_run import open_run_or_model
from facegen.training.runs.run import Run
from facegen.training.train import open_dataset


def missing_consent(run: Run) -> tuple[bool, list[str]]:
    """Look through the corpora of a run and of the earlier runs that it builds on.

    Returns:
        whether any of the people may be real, and one line per corpus without consent in every row.
    """
    real = False
    problems: list[str] = []
    for label, recipe in _recipes(run, problems):
        try:
            dataset = open_dataset(recipe)
            clip = clips_of(dataset, "all").clip
            consents = dataset.consents(clip)
        except FacegenError as error:
            problems.append(f"{label}: its corpus cannot be read ({error.problems[0]})")
            continue
        if consents is None:
            continue
        real = True
        num_without = sum(not consent.strip() for consent in consents)
        if num_without:
            problems.append(f"{label}: {num_without} of {len(clip)} clips of its corpus have no consent")
    return real or bool(problems), list(dict.fromkeys(problems))


def _recipes(run: Run, problems: list[str]) -> Iterator[tuple[str, Recipe]]:
    """Yield every recipe whose corpus had a part in the weights, with the name of its run."""
    yield str(run.path), run.recipe
    before: DraftRun | None = stored_draft(run.path)
    while before is not None:
        yield f"the draft of {run.path}", before.recipe
        before = before.draft
    waiting, known = _started_from(run.recipe), set[Path]()
    while waiting:
        path = waiting.pop()
        if path in known:
            continue
        known.add(path)
        try:
            earlier = open_run_or_model(path)
        except FacegenError as error:
            problems.append(f"{path}: the earlier run cannot be read ({error.problems[0]})")
            continue
        yield str(path), earlier.recipe
        waiting += _started_from(earlier.recipe)


def _started_from(recipe: Recipe) -> list[Path]:
    """Return the runs that a recipe's stages started from, or whose match stage was taken over."""
    matcher = recipe.optional_config("matcher")
    paths = [] if matcher is None else [matcher.engine.run, matcher.engine.start]
    paths += [] if recipe.train is None else [recipe.train.start]
    return [path for path in paths if path is not None]


def without_names(data: DataSpec) -> tuple[str, ...]:
    """Return "person-1", "person-2", ... in the place of names, numbers padded to one width."""
    width = len(str(data.num_identities))
    return tuple(f"person-{number:0{width}d}" for number in range(1, data.num_identities + 1))
