"""Earlier runs that a recipe builds on: a match stage to take over or to start from, or faces to refine.

A recipe names an earlier run by its folder, by a model file, by the name of a shipped model, or by its recipe. The run
of a recipe lies in the folder of its name beside the run itself; it is trained if it is missing, resumed if it is not
finished, and used as it is otherwise.

Of the run whose faces it refines (the draft), a run keeps the weights in every checkpoint, as part of its face
pipeline, and a copy of recipe and corpus description in RUN/draft.
"""

import shutil
from dataclasses import replace
from pathlib import Path

from facegen.core.batch import DataSpec
from facegen.core.errors import CheckpointError, RecipeError
from facegen.core.files import new_folder
from facegen.core.model_schema import MAX_DRAFTS
from facegen.core.readable_files import real_path
from facegen.core.recipe.file import differences
from facegen.core.recipe.part_config import Recipe
from facegen.core.recipe.recipe import check_recipe
from facegen.core.recipe.run_files import METADATA, RECIPE, is_run
from facegen.core.recipe.tables import EARLIER_RUNS
from facegen.training.build import DraftRun
from facegen.training.runs.match_cache import match_inputs
from facegen.training.runs.open_run import absolute, open_run_or_model, run_folder
from facegen.training.runs.part_files import FILES, with_run_files
from facegen.training.runs.run import DRAFT_FOLDER, Run

DRAFT, TRAIN_START = "draft.run", "train.start"
EVALUATION_TABLES = ("evaluate", "metric", "recogniser", "judge")
"""Tables that change nothing about what is trained."""


def with_run_folders(recipe: Recipe, out: Path) -> Recipe:
    """Replace the path of every earlier recipe by the folder of its run, and make all other paths absolute.

    Args:
        recipe: checked.
        out: its own run folder.
    Raises:
        CheckpointError: the run of an earlier recipe would lie in `out`, too.
    """
    tables, earlier = dict(recipe.tables), {}
    for table, key in EARLIER_RUNS:
        name, values = f"{table}.{key}", tables.get(table)
        if not isinstance(values, dict) or key not in values:
            continue
        if name not in recipe.earlier:
            folder = absolute(values[key])
        else:
            folder = str(real_path(out).parent / recipe.earlier[name].run.name)
            earlier[name] = with_run_folders(recipe.earlier[name], Path(folder))
        if folder == str(real_path(out)):
            raise CheckpointError(f"{out}: is the folder of the run of [{table}] {key}; give another with --out")
        tables[table] = {**values, key: folder}
    return replace(check_recipe(tables, recipe.source), earlier=earlier)


def earlier_run_folder(recipe: Recipe, name: str) -> Path:
    """Return the folder or model of an earlier run, "table.key" of a recipe with run folders."""
    table, _, key = name.partition(".")
    return Path(recipe.tables[table][key])


def pending_earlier_runs(recipe: Recipe, run: Run | None, *, only_match: bool) -> list[str]:
    """List the earlier runs, as "table.key", that a run still needs: it has not copied from them yet.

    Args:
        recipe: of the run.
        run: the run; None lists all earlier runs.
        only_match: the run's train stage is not needed.
    """
    names = [f"{table}.{key}" for table, key in EARLIER_RUNS if recipe.tables.get(table, {}).get(key) is not None]
    names = [name for name in names if is_about_match(name) or not only_match]
    if run is None:
        return names
    is_trained = run.newest("train") is not None
    is_copied = {
        "match.run": run.is_matched,
        "match.start": run.is_matched or run.newest("match") is not None,
        DRAFT: is_trained,
        TRAIN_START: is_trained,
    }
    return [name for name in names if not is_copied[name]]


def is_about_match(name: str) -> bool:
    """Tell whether "table.key" needs nothing but the match stage of the earlier run."""
    return name.startswith("match.")


def has_needed_stage(run: Run, name: str) -> bool:
    """Tell whether an earlier run has finished the stage that "table.key" needs."""
    return run.is_matched if is_about_match(name) else run.is_finished


def _lacking_stage(run: Run, name: str) -> str:
    """Explain why the run of a folder, or a model, cannot be used; "" if it can.

    Any checkpoint of the train stage will do for [train] start; a model file may hold one of an unfinished run.
    """
    if run.recipe.optional_config("matcher" if is_about_match(name) else "generator") is None:
        stage = "match stage ([match])" if is_about_match(name) else "generator: it only matches"
        return f"has no {stage}; name another run"
    if has_needed_stage(run, name) or (name == TRAIN_START and run.newest("train") is not None):
        return ""
    return f"is not finished; resume it: facegen train {run.path} --resume"


def open_earlier_run(recipe: Recipe, name: str) -> Run | None:
    """Open the earlier run that "table.key" of a recipe with run folders names; None if it is still to be trained.

    Raises:
        CheckpointError: the folder holds no run, an unfinished run, or the run of another recipe.
    """
    folder, earlier = earlier_run_folder(recipe, name), recipe.earlier.get(name)
    where = f"{recipe.source}: [{name.replace('.', '] ')} = '{folder}'"
    if earlier is None:
        run = open_run_or_model(folder)
        lacking = _lacking_stage(run, name)
        if lacking:
            raise CheckpointError(f"{where}: {lacking}")
        return run
    if not is_run(folder):
        return None
    run = Run.open(folder)
    same_files = with_run_files(folder, earlier, run.files)
    differing = differences(_training_inputs(run.recipe, name), _training_inputs(same_files, name))
    if differing:
        raise CheckpointError(
            f"{where}: holds the run of another recipe than {earlier.source}; they differ in "
            f"{', '.join(differing)}; move that folder away, or name a run's folder in place of the recipe"
        )
    return run


def _training_inputs(recipe: Recipe, name: str) -> dict[str, object]:
    if is_about_match(name):
        return match_inputs(recipe)
    return {table: values for table, values in recipe.values.items() if table not in EVALUATION_TABLES}


def find_draft(recipe: Recipe, data: DataSpec, path: Path | None = None) -> DraftRun | None:
    """Find the run whose faces a recipe's generator refines; None if it refines none.

    Args:
        recipe: checked.
        data: its corpus.
        path: its own run folder, which may hold a copy already.
    Raises:
        CheckpointError: the earlier run is missing or damaged.
        RecipeError: the earlier run does not fit the recipe.
    """
    if recipe.draft is None:
        return None
    stored = None if path is None else stored_draft(path)
    if stored is not None:
        return stored
    earlier = recipe.earlier.get(DRAFT)
    if earlier is None:
        draft = read_draft(run_folder(recipe.draft.run))
    else:
        smaller = replace(data, image_pixels=recipe.draft.image_pixels)
        draft = DraftRun(earlier, smaller, find_draft(earlier, smaller))
    problems = _draft_problems(draft, data, recipe.draft.image_pixels)
    if problems:
        raise RecipeError(*(f"{recipe.source}: [draft] {draft.recipe.source} {problem}" for problem in problems))
    return draft


def read_draft(path: Path, depth: int = 0) -> DraftRun:
    """Read what is needed of a run folder, or of another run's copy of it, to build its face pipeline.

    Args:
        path: the folder.
        depth: number of runs that it is inside of; a link in a stranger's run may lead back to the run.
    Raises:
        CheckpointError: the run is missing or damaged.
    """
    if depth > MAX_DRAFTS:
        raise CheckpointError(f"{path}: is draft {depth} of a run, and at most {MAX_DRAFTS} refine each other's faces; "
                              f"restore the run from a copy")  # fmt: skip
    run = Run.open(path)
    return DraftRun(run.recipe, run.data, stored_draft(path, depth))


def stored_draft(path: Path, depth: int = 0) -> DraftRun | None:
    """Read the copy of the run that a run refines; None if it holds none."""
    return read_draft(path / DRAFT_FOLDER, depth + 1) if (path / DRAFT_FOLDER).exists() else None


def store_draft(run: Run, earlier: Path) -> None:
    """Copy recipe, corpus description and files of an earlier run into a run's folder, whole or not at all."""
    with new_folder(run.path / DRAFT_FOLDER) as part:
        for name in (RECIPE, METADATA):
            shutil.copyfile(earlier / name, part / name)
        for folder in (DRAFT_FOLDER, FILES):
            if (earlier / folder).exists():
                # A link in a stranger's run must not copy what it leads to; its use is refused.
                shutil.copytree(earlier / folder, part / folder, symlinks=True)


def _draft_problems(draft: DraftRun, data: DataSpec, image_pixels: int) -> list[str]:
    """Explain why an earlier run cannot draw for the rows of a corpus."""
    problems, earlier_data = [], draft.data
    if draft.recipe.train is None:
        problems.append("has no [train]: it only matches, and draws no faces")
    if earlier_data.image_pixels != image_pixels:
        pixels = earlier_data.image_pixels
        problems.append(f"draws faces of {pixels} pixels; set image_pixels = {pixels}")
    needs = frozenset[str]()
    for config in draft.recipe.configs["conditioner"]:
        needs |= config.part.load().needs  # type: ignore[attr-defined]
    lacking = data.lacks(needs)
    if lacking:
        problems.append(f"reads {', '.join(lacking)}; the corpus has {', '.join(sorted(data.columns))}")
    for column, unit, own, earlier in (
        ("speech", "samples of speech", data.speech_samples, earlier_data.speech_samples),
        ("speech", "Hz", data.sample_rate_hz, earlier_data.sample_rate_hz),
        ("caption", "characters", data.caption_characters, earlier_data.caption_characters),
        ("text", "numbers a text", data.text_dim, earlier_data.text_dim),
    ):
        if column in needs - set(lacking) and own != earlier:
            problems.append(f"reads {earlier} {unit}, and this recipe {own}; [data] of both must agree")
    if "identity" in needs and data.identities != earlier_data.identities:
        problems.append("was trained on other names than those of this recipe's corpus")
    return problems
