"""Earlier runs that a recipe builds on: where they stand, which are still awaited, and whether they are the right ones.

A recipe names an earlier run by its folder, or by its recipe. The latter's run stands beside the run itself, in a
folder of its name: it is trained where it is missing, resumed where it is not finished, and taken where it is.
"""

from dataclasses import replace
from pathlib import Path

from facegen.core.errors import CheckpointError
from facegen.core.recipe.file import differences
from facegen.core.recipe.part_config import Recipe
from facegen.core.recipe.recipe import check_recipe
from facegen.core.recipe.tables import EARLIER_RUNS
from facegen.training.runs.match_cache import match_ingredients
from facegen.training.runs.open_run import run_folder
from facegen.training.runs.run import Run

DRAFT = "draft.run"
MEASURING_TABLES = ("evaluate", "metric", "recogniser", "judge")
"""Tables that change nothing about what is trained."""


def settled(recipe: Recipe, out: Path) -> Recipe:
    """The recipe with the folder of every earlier run in the place of its recipe.

    Args:
        recipe: checked.
        out: its own run folder.
    Raises:
        CheckpointError: an earlier run would go into that folder, too.
    """
    tables, earlier = dict(recipe.tables), {}
    for table, key in EARLIER_RUNS:
        name, said = f"{table}.{key}", tables.get(table)
        if not isinstance(said, dict) or key not in said:
            continue
        folder = run_folder(said[key]).resolve()
        if name in recipe.earlier:
            folder = out.resolve().parent / recipe.earlier[name].run.name
            if folder == out.resolve():
                raise CheckpointError(
                    f"{out}: is where the run of [{table}] {key} goes; name another folder with --out"
                )
            earlier[name] = settled(recipe.earlier[name], folder)
        tables[table] = {**said, key: str(folder)}
    return replace(check_recipe(tables, recipe.source), earlier=earlier)


def folder_of(recipe: Recipe, name: str) -> Path:
    """Where an earlier run of a settled recipe stands."""
    table, _, key = name.partition(".")
    return Path(recipe.tables[table][key])


def awaited(recipe: Recipe, run: Run, *, only_match: bool) -> list[str]:
    """The earlier runs, as "table.key", that a run has not taken over yet."""
    named = [f"{table}.{key}" for table, key in EARLIER_RUNS if key in recipe.tables.get(table, {})]
    over = {
        "match.run": run.is_matched,
        "match.start": run.is_matched or run.newest("match") is not None,
        DRAFT: only_match or run.newest("train") is not None,
    }
    return [name for name in named if not over[name]]


def enough(run: Run, name: str) -> bool:
    """An earlier run has come as far as "table.key" needs it."""
    return run.is_finished if name == DRAFT else run.is_matched


def standing(recipe: Recipe, name: str) -> Run | None:
    """The earlier run that "table.key" of a settled recipe names; None where its recipe is still to be begun.

    Raises:
        CheckpointError: there is none, it is not finished, or it is another recipe's.
    """
    folder, earlier = folder_of(recipe, name), recipe.earlier.get(name)
    where = f"{recipe.source}: [{name.replace('.', '] ')} = '{folder}'"
    if earlier is None:
        run = Run.open(folder)
        if not enough(run, name):
            raise CheckpointError(
                f"{where}: is not finished; go on with it: "
                f"facegen train {folder / 'recipe.toml'} --out {folder} --resume"
            )
        return run
    if not (folder / "run.json").exists():
        return None
    run = Run.open(folder)
    differing = differences(_trained_from(run.recipe, name), _trained_from(earlier, name))
    if differing:
        raise CheckpointError(
            f"{where}: holds the run of another recipe than {earlier.source} as it is here, which differs in "
            f"{', '.join(differing)}; move that folder away, or name a run's folder in place of the recipe"
        )
    return run


def _trained_from(recipe: Recipe, name: str) -> dict[str, object]:
    if name != DRAFT:
        return match_ingredients(recipe)
    return {table: said for table, said in recipe.values.items() if table not in MEASURING_TABLES}
