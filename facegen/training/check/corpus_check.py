"""Check that a corpus is large enough for a recipe."""

import torch

from facegen.core.batch import IDENTITY_IMAGE
from facegen.core.clips import Clips
from facegen.core.errors import DataError
from facegen.core.interfaces import Dataset
from facegen.core.recipe.recipe import Recipe
from facegen.core.recipe.tables import Split
from facegen.data.loading.identity_images import lone_faces
from facegen.data.loading.row_order import num_without_value, row_order
from facegen.training.build import Networks

SPLITS: tuple[Split, ...] = ("train", "heldout_utterances", "heldout_people")


def check_splits(recipe: Recipe, dataset: Dataset, networks: Networks) -> dict[str, dict[str, int]]:
    """Count the clips and people of each split: {split: {"clips": ..., "people": ...}}.

    Raises:
        DataError: the training split is too small for the recipe's batches or mismatched rows, holds one person, or
            cannot be balanced as asked, or a conditioner reads identity images of people with one face.
    """
    sizes: dict[str, dict[str, int]] = {}
    problems: list[str] = []
    for split in SPLITS:
        clips = dataset.clips(split)
        sizes[split] = {"clips": len(clips), "people": len(torch.unique(clips.person))}
        if IDENTITY_IMAGE in networks.encoders.needs and (problem := lone_faces(clips, split)) is not None:
            problems.append(f"{recipe.source}: [data] {problem}")
        if split == "train":
            problems += _balance_problems(recipe, clips)
    num_clips, num_people = sizes["train"]["clips"], sizes["train"]["people"]
    matcher = recipe.optional_config("matcher")
    batches = {
        "match": matcher.engine.batch_size if matcher is not None and matcher.engine.run is None else 0,
        "train": recipe.train.batch_size if recipe.train is not None else 0,
    }
    for table, batch_size in batches.items():
        if batch_size > num_clips:
            problems.append(
                f"{recipe.source}: [{table}] batch_size = {batch_size}: the training split holds {num_clips} clips; "
                f"choose a smaller batch or a larger corpus"
            )
    if num_people < 2:
        problems.append(f"{recipe.source}: [data] the training split holds fewer than two people; matching needs two")
    num_mismatched = max(
        networks.num_mismatched, networks.matcher.num_mismatched if networks.matcher is not None else 0
    )
    if num_mismatched >= max(num_people, 1):
        problems.append(
            f"{recipe.source}: parts read {num_mismatched} mismatched people per row; the training split holds "
            f"{num_people} people; choose fewer negatives or a larger corpus"
        )
    if problems:
        raise DataError(*problems)
    return sizes


def _balance_problems(recipe: Recipe, clips: Clips) -> list[str]:
    try:
        row_order(clips, recipe.config("dataset").engine.balance, recipe.run.seed)
    except DataError as error:
        return [f"{recipe.source}: {problem}" for problem in error.problems]
    return []


def balance_warnings(recipe: Recipe, dataset: Dataset) -> list[str]:
    """Tell how many clips have no value of the attribute that [data] balance names."""
    balance, clips = recipe.config("dataset").engine.balance, dataset.clips("train")
    num_clips = num_without_value(clips, balance)
    if not num_clips:
        return []
    return [
        f"[data] balance = '{balance}': {num_clips:,} of {len(clips):,} clips of the training split have no known "
        f"{balance}; they keep their share of {num_clips / len(clips):.1%}, and only the others are balanced"
    ]
