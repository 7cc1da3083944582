"""What a corpus holds for a recipe, and whether that is enough."""

import torch

from facegen.core.errors import DataError
from facegen.core.interfaces import Dataset
from facegen.core.recipe.recipe import Recipe
from facegen.core.recipe.tables import Split
from facegen.training.build import Networks

SPLITS: tuple[Split, ...] = ("train", "heldout_utterances", "heldout_people")


def survey(recipe: Recipe, dataset: Dataset, networks: Networks) -> dict[str, dict[str, int]]:
    """Clips and people of each split.

    Raises:
        DataError: the training split is too small for the recipe's batches, or holds one person only.
    """
    found: dict[str, dict[str, int]] = {}
    for split in SPLITS:
        clips = dataset.clips(split)
        found[split] = {"clips": len(clips), "people": len(torch.unique(clips.person))}
    problems = []
    matcher = recipe.optional_config("matcher")
    batches = {
        "match": matcher.engine.batch_size if matcher is not None and matcher.engine.run is None else 0,
        "train": recipe.train.batch_size if recipe.train is not None else 0,
    }
    for table, size in batches.items():
        if size > found["train"]["clips"]:
            there = found["train"]["clips"]
            problems.append(f"{recipe.source}: [{table}] batch_size = {size}: the training split holds {there} clips")
    if found["train"]["people"] < 2:
        problems.append(f"{recipe.source}: [data] the training split holds fewer than two people; matching needs two")
    strangers = max(networks.num_mismatched, networks.matcher.num_mismatched if networks.matcher is not None else 0)
    if strangers >= max(found["train"]["people"], 1):
        people = found["train"]["people"]
        problems.append(f"{recipe.source}: parts ask for {strangers} strangers a row; there are {people} people")
    if problems:
        raise DataError(*problems)
    return found
