"""Reuse of finished match stages by runs that would train the same one."""

import hashlib
import json
from pathlib import Path

import torch
from torch import nn

from facegen import __version__
from facegen.core.errors import FacegenError
from facegen.core.interfaces import Dataset
from facegen.core.readable_files import real_path
from facegen.core.recipe.part_config import Recipe
from facegen.training.build import Networks, build_networks
from facegen.training.distributed import Distributed
from facegen.training.match import match_modules
from facegen.training.runs.checkpoint import load_tensors, read_state, same_network
from facegen.training.runs.claimed_networks import claimed_networks
from facegen.training.runs.open_run import run_folder
from facegen.training.runs.part_files import without_folders
from facegen.training.runs.run import Run

IGNORED_KEYS = {
    "data": ("resident_gib",),
    "conditioner": ("trained",),
    "match": ("run", "start", "log_steps", "checkpoint_steps"),
}
"""{table: keys that do not change the result of the match stage}."""


def replaceable_networks(recipe: Recipe) -> set[str]:
    """List the networks that the run of [match] start need not have, because only its other side is kept."""
    config = recipe.config("matcher")
    settings = config.engine
    if settings.start is None:
        return set()
    keeps_faces = settings.freeze_faces or not config.part.load().trains_faces  # type: ignore[attr-defined]
    replaceable = {"matcher": True, "encoders": keeps_faces, "discriminator": settings.freeze_conditioner}
    return {name for name, is_replaceable in replaceable.items() if is_replaceable}


def incompatible_networks(recipe: Recipe, networks: Networks, earlier: Networks) -> list[str]:
    """List the networks that cannot take their weights from an earlier run's match stage."""
    theirs, replaceable = match_modules(earlier), replaceable_networks(recipe)
    return [
        name
        for name, module in match_modules(networks).items()
        if name not in replaceable
        and not (name in theirs and same_network(module.state_dict(), theirs[name].state_dict()))
    ]


def match_inputs(recipe: Recipe) -> dict[str, object]:
    """Collect all settings of a recipe that its match stage depends on."""
    values = without_folders(recipe.values)
    tables = ["data", "conditioner", "discriminator", "match"]
    tables += ["augment"] if values.get("match", {}).get("augment") else []
    inputs: dict[str, object] = {"seed": recipe.run.seed, "precision": recipe.run.precision}
    for name in tables:
        table, ignored = values.get(name, {}), IGNORED_KEYS.get(name, ())
        entries = table if isinstance(table, list) else [table]
        inputs[name] = [{key: value for key, value in entry.items() if key not in ignored} for entry in entries]
    return inputs


def match_key(recipe: Recipe, corpus: Dataset, distributed: Distributed) -> str | None:
    """Hash everything that a match stage depends on; None if it starts from a run that has no such hash."""
    path = recipe.config("matcher").engine.start
    start = None if path is None else _key_of_start(path)
    if path is not None and start is None:
        return None
    inputs = [match_inputs(recipe), corpus.fingerprint(), distributed.size, start, __version__]
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def _key_of_start(path: Path) -> str | None:
    try:
        return _key_of(run_folder(path) / "checkpoints" / "match")
    except FacegenError:
        return None


def _key_of(match_folder: Path) -> str | None:
    try:
        return read_state(match_folder).key
    except FacegenError:
        return None


def find_cached_match(run: Run, key: str, networks: Networks) -> Run | None:
    """Find a run beside this one whose finished match stage is the one that this run would train.

    Args:
        run: needs a match stage.
        key: of its match stage, as `match_key` returns it.
        networks: of the run, not trained yet.
    """
    for state in sorted(real_path(run.path).parent.glob("*/checkpoints/match/state.json")):
        try:
            if _key_of(state.parent) == key:
                other = Run.open(state.parents[2])
                claimed_networks(other)
                same_start = _start_equal(networks, build_networks(other.recipe, other.data))
                if same_start and _is_readable(other, networks):
                    return other
        except FacegenError:
            continue  # a run that cannot be read is reported by the commands that are given it
    return None


def _is_readable(other: Run, networks: Networks) -> bool:
    """Tell whether the weights of a run's match stage can be read, and fit these networks."""
    return all(
        same_network(module.state_dict(), load_tensors(other.match_folder / f"{name}.safetensors"))
        for name, module in match_modules(networks).items()
    )


def _start_equal(networks: Networks, others: Networks) -> bool:
    """Tell whether the modules that two match stages share start from the same weights.

    A discriminator may initialise its heads in an order that depends on which heads it has.
    """
    theirs = match_modules(others)
    return all(
        name in theirs and _same_children(module, theirs[name]) for name, module in match_modules(networks).items()
    )


def _same_children(one: nn.Module, other: nn.Module) -> bool:
    children = {name for name, _ in one.named_children()} & {name for name, _ in other.named_children()}
    first, second = (
        {key: value for key, value in module.state_dict().items() if key.partition(".")[0] in children}
        for module in (one, other)
    )
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)
