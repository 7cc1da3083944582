"""Changes of a run's settings when it is resumed: which are allowed, where they are recorded, what they do."""

from collections.abc import Mapping
from dataclasses import replace

from facegen.core.describe.docstrings import toml_value
from facegen.core.errors import CheckpointError
from facegen.core.files import move, write_file
from facegen.core.recipe.changes import ALLOWED, Change, ramps_of, recipe_changes
from facegen.core.recipe.part_config import Recipe
from facegen.core.recipe.run_files import METADATA, RECIPE
from facegen.core.run_schema import ChangeRecord, StageName
from facegen.training.optimisers import learning_rate, match_learning_rate
from facegen.training.runs.checkpoint import read_state, read_step
from facegen.training.runs.part_files import describe_files
from facegen.training.runs.run import Run, recipe_text

SIDES = ("generator", "discriminator")


def resume_changes(run: Run, recipe: Recipe) -> list[ChangeRecord]:
    """Compare the recipe of a run with the one that it is resumed with.

    Returns:
        the changes, from the step on at which the run stands.
    Raises:
        CheckpointError: a setting differs that must not change; the error names every one.
    """
    changes = recipe_changes(run.recipe, recipe)
    changes = [_refused_in_match(run, change, changes) if change.table == "match" else change for change in changes]
    refused = [change for change in changes if change.refusal]
    if refused:
        shown = "; ".join(
            f"{change.key} ({_shown(change.before)} in the run, {_shown(change.after)} in the recipe: {change.refusal})"
            for change in refused
        )
        raise CheckpointError(
            f"{run.path}: was started with another recipe; they differ in {shown}; --resume accepts {ALLOWED}; give "
            f"another folder with --out, or use the run's own recipe: facegen train {run.path} --resume"
        )
    return [_record(run, change) for change in changes]


def apply_changes(run: Run, recipe: Recipe, changes: list[ChangeRecord]) -> None:
    """Record changes in a run, and store the recipe that it is resumed with.

    A finished match stage that goes on becomes a checkpoint again; run.json comes before recipe.toml. After a kill in
    between, the same call repeats what is missing.
    """
    if run.is_matched and any(change.stage == "match" for change in changes):
        move(run.match_folder, run.checkpoint_folder("match", read_step(run.match_folder)))
    values = {change.key: change.before for change in changes}
    # An earlier call may have been killed before it stored the recipe; its records are of values that never held.
    made = [record for record in run.changes if not _never_held(record, run, values)]
    changed = replace(run, changes=(*made, *changes))
    write_file(run.path / METADATA, changed.metadata_text())
    write_file(run.path / RECIPE, recipe_text(describe_files(recipe)[0]))


def rate_notes(before: Recipe, after: Recipe, stage: StageName, step: int) -> list[str]:
    """Tell which learning rates and ramps of a step differ between two recipes: they may end with the stage."""
    rates: dict[str, tuple[float, float]] = {}
    ramps = [_ramps(recipe, stage, step) for recipe in (before, after)]
    rates |= {key: (ramps[0][key], ramps[1][key]) for key in ramps[0].keys() & ramps[1].keys()}
    if stage == "train" and before.train is not None and after.train is not None:
        for side in SIDES:
            rates[f"the {side}'s learning rate"] = tuple(
                learning_rate(getattr(train, side), step, train.steps) for train in (before.train, after.train)
            )  # type: ignore[assignment]
    elif stage == "match":
        one, other = (match_learning_rate(recipe.config("matcher").engine, step) for recipe in (before, after))
        rates["the learning rate"] = one, other
    return [
        f"{name} of {stage} step {step + 1} is {now:.3g}, and was {then:.3g} before the change"
        for name, (then, now) in sorted(rates.items())
        if then != now
    ]


def _ramps(recipe: Recipe, stage: StageName, step: int) -> dict[str, float]:
    """Return the values of the ramps of a stage's tables at a step: {key: value}."""
    engine = recipe.train if stage == "train" else recipe.config("matcher").engine
    if engine is None:
        return {}
    tables = {table: values for table, values in recipe.values.items() if (table == "match") == (stage == "match")}
    return {key: ramp.at(step, engine.steps) for key, ramp in ramps_of(tables).items()}


def _refused_in_match(run: Run, change: Change, changes: list[Change]) -> Change:
    """Refuse a change of the match stage that has no effect any more, or cannot have it."""
    refusal = change.refusal
    if run.newest("train") is not None:
        refusal = "the match stage is over, as the train stage has begun"
    elif run.recipe.config("matcher").engine.run is not None:
        refusal = "the match stage is that of another run"
    elif run.is_matched and not any(other.key == "match.steps" for other in changes):
        refusal = refusal or "the match stage is finished, and goes on only with more match.steps"
    elif run.is_matched and read_state(run.match_folder).num_processes is None:
        refusal = "the match stage was copied from another run, without its optimiser"
    return replace(change, refusal=refusal)


def _record(run: Run, change: Change) -> ChangeRecord:
    stage, step = _position(run, change.table == "match")
    return ChangeRecord(stage=stage, step=step, key=change.key, before=change.before, after=change.after)


def _position(run: Run, of_match: bool) -> tuple[StageName, int]:
    """Return the stage and the step at which a run stands."""
    newest, matching = run.newest("train"), run.newest("match")
    if newest is not None:
        return "train", newest[1]
    if run.is_matched:
        return ("match", read_step(run.match_folder)) if of_match else ("train", 0)
    has_match = run.recipe.optional_config("matcher") is not None
    return "match" if has_match else "train", 0 if matching is None else matching[1]


def _never_held(record: ChangeRecord, run: Run, values: Mapping[str, object]) -> bool:
    """Tell whether a record is of a value that the run's recipe never got."""
    is_last = next(other for other in reversed(run.changes) if other.key == record.key) is record
    return is_last and record.key in values and record.after != values[record.key]


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return toml_value(value)
    return "unset" if value is None else str(value)
