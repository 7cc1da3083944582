"""One match stage for all runs that would train the same one."""

import hashlib
import json
from pathlib import Path

import torch
from torch import nn

from facegen import __version__
from facegen.core.errors import FacegenError
from facegen.core.interfaces import Dataset
from facegen.core.recipe.part_config import Recipe
from facegen.training.build import Networks, build_networks
from facegen.training.distributed import Distributed
from facegen.training.match import match_modules
from facegen.training.runs.checkpoint import load_tensors, read_state, same_network
from facegen.training.runs.run import Run

NO_MATTER = {
    "data": ("resident_gib",),
    "conditioner": ("trained",),
    "match": ("run", "start", "log_steps", "checkpoint_steps"),
}
"""Keys that do not change what the match stage learns."""


def may_start_afresh(recipe: Recipe) -> set[str]:
    """The networks that [match] start need not hold: the other side, where it is there for one side alone."""
    config = recipe.config("matcher")
    settings = config.engine
    keeps_faces = settings.freeze_faces or not config.part.load().trains_faces  # type: ignore[attr-defined]
    free = {"matcher": True, "encoders": keeps_faces, "discriminator": settings.freeze_conditioner}
    return {name for name, is_free in free.items() if is_free and settings.start is not None}


def misfits(recipe: Recipe, mine: Networks, theirs: Networks) -> list[str]:
    """The networks that a match stage cannot be taken over for, or started from."""
    others, free = match_modules(theirs), may_start_afresh(recipe)
    return [
        name
        for name, module in match_modules(mine).items()
        if name not in free and not (name in others and same_network(module.state_dict(), others[name].state_dict()))
    ]


def match_ingredients(recipe: Recipe) -> dict[str, object]:
    """All that a recipe says about its match stage."""
    said = recipe.values
    tables = ["data", "conditioner", "discriminator", "match"]
    tables += ["augment"] if said.get("match", {}).get("augment") else []
    found: dict[str, object] = {"seed": recipe.run.seed, "precision": recipe.run.precision}
    for name in tables:
        table, without = said.get(name, {}), NO_MATTER.get(name, ())
        several = table if isinstance(table, list) else [table]
        found[name] = [{key: value for key, value in each.items() if key not in without} for each in several]
    return found


def match_key(recipe: Recipe, corpus: Dataset, distributed: Distributed) -> str | None:
    """A digest of all that decides the match stage; None where it starts from one that has none, or is gone."""
    path = recipe.config("matcher").engine.start
    start = None if path is None else _key_of(path / "checkpoints" / "match")
    if path is not None and start is None:
        return None
    said = [match_ingredients(recipe), corpus.fingerprint(), distributed.size, start, __version__]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _key_of(match_folder: Path) -> str | None:
    try:
        return read_state(match_folder).get("key")
    except FacegenError:
        return None


def find_match(run: Run, key: str, networks: Networks) -> Run | None:
    """A run in the same folder whose finished match stage is the one that this run would train.

    Args:
        run: that needs one.
        key: of what decides it.
        networks: of the run, not trained yet.
    """
    for state in sorted(run.path.resolve().parent.glob("*/checkpoints/match/state.json")):
        try:
            if _key_of(state.parent) == key:
                other = Run.open(state.parents[2])
                alike = _start_alike(networks, build_networks(other.recipe, other.data))
                if alike and _is_whole(other, networks):
                    return other
        except FacegenError:
            continue  # a damaged neighbour is none of this run's business
    return None


def _is_whole(other: Run, mine: Networks) -> bool:
    """Its weights can be read, and are of these networks."""
    return all(
        same_network(module.state_dict(), load_tensors(other.match_folder / f"{name}.safetensors"))
        for name, module in match_modules(mine).items()
    )


def _start_alike(mine: Networks, theirs: Networks) -> bool:
    """What both train in the match stage starts from the same weights, whatever other heads there are.

    A discriminator may draw the weights of its heads in an order that depends on which it has.
    """
    others = match_modules(theirs)
    return all(name in others and _same_children(module, others[name]) for name, module in match_modules(mine).items())


def _same_children(mine: nn.Module, theirs: nn.Module) -> bool:
    children = {name for name, _ in mine.named_children()} & {name for name, _ in theirs.named_children()}
    first, second = (
        {key: value for key, value in module.state_dict().items() if key.partition(".")[0] in children}
        for module in (mine, theirs)
    )
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)
