"""From a recipe to a trained run: what it builds on, its corpus, its networks, its stages."""

from dataclasses import replace
from pathlib import Path

import torch

from facegen.core.errors import RecipeError, TrainingError
from facegen.core.interfaces import Dataset
from facegen.core.interruption import Interruption
from facegen.core.progress import Observer
from facegen.core.recipe.part_config import Recipe
from facegen.training.build import Networks, build_networks
from facegen.training.check.dry_run import dry_run
from facegen.training.distributed import Distributed
from facegen.training.runs.checkpoint import load_module
from facegen.training.runs.claim import claimed
from facegen.training.runs.draft import keep_draft, kept_draft
from facegen.training.runs.earlier import DRAFT, awaited, enough, folder_of, settled, standing
from facegen.training.runs.match_cache import misfits
from facegen.training.runs.run import Run
from facegen.training.trainer import Trainer


def open_dataset(recipe: Recipe) -> Dataset:
    """The recipe's corpus.

    Raises:
        DataError: it is missing, damaged or unfit.
    """
    config = recipe.config("dataset")
    dataset: Dataset = config.build(config.engine)
    return dataset


def train(recipe: Recipe, out: Path, *, resume: bool, observer: Observer, interruption: Interruption) -> Run:
    """Train a recipe into a run folder, after the earlier recipes that it names, which go into folders beside it.

    Args:
        recipe: checked.
        out: the run folder.
        resume: go on where an earlier call stopped; a run that is not there yet is begun.
        observer: told about everything.
        interruption: asked after every step.
    Raises:
        FacegenError: anything that the user can mend, before any work where possible.
        Interrupted: stopped on request, saved.
    """
    distributed = Distributed.join(recipe.run.device)
    if not distributed.is_main_process:
        observer = Observer()  # one of them tells it
    recipe = settled(recipe, out)
    _examine(recipe, out, only_match=False)
    try:
        return _train(recipe, out, resume, distributed, observer, interruption, only_match=False)
    except OSError as error:
        raise TrainingError(
            f"{out}: {error}; the newest checkpoint is unchanged; free space, or correct what the message names, and "
            f"call it again with --resume"
        ) from error


def _examine(recipe: Recipe, out: Path, *, only_match: bool) -> Networks:
    """All that can be told before any work, about a settled recipe and those before it."""
    spec = open_dataset(recipe).spec
    before = {}
    for name in awaited(recipe, Run(out, recipe, spec), only_match=only_match):
        there = standing(recipe, name)
        if name in recipe.earlier:
            before[name] = _examine(recipe.earlier[name], folder_of(recipe, name), only_match=name != DRAFT)
        elif there is not None:
            with torch.device("meta"):
                before[name] = build_networks(there.recipe, there.data, kept_draft(there.path))
    networks = dry_run(recipe, spec, out)
    for name in before.keys() - {DRAFT}:
        wrong = misfits(recipe, networks, before[name])
        if wrong:
            raise RecipeError(
                f"{recipe.source}: [{name.replace('.', '] ')} = '{folder_of(recipe, name)}': its {' and '.join(wrong)} "
                f"are other networks than here; the tables that make them must be the same"
            )
    return networks


def _train(
    recipe: Recipe,
    out: Path,
    resume: bool,
    distributed: Distributed,
    observer: Observer,
    interruption: Interruption,
    *,
    only_match: bool,
) -> Run:
    dataset = open_dataset(recipe)
    with claimed(out, recipe, dataset, resume=resume, distributed=distributed, observer=observer) as run:
        for name in awaited(recipe, run, only_match=only_match):
            below = standing(recipe, name)
            if below is not None and enough(below, name):
                continue
            earlier, folder = recipe.earlier[name], folder_of(recipe, name)
            if below is not None:
                earlier = replace(below.recipe, earlier=earlier.earlier)
            observer.say(
                f"{folder} comes first: {Path(recipe.source).name} builds on it, with [{name.replace('.', '] ')}"
            )
            _train(earlier, folder, True, distributed, observer, interruption, only_match=name != DRAFT)
        networks = _networks(run, distributed, with_draft=not only_match)
        trainer = Trainer(run, dataset, networks, distributed, observer, interruption)
        try:
            trainer.match()
            if not only_match:
                trainer.train_gan()
        finally:
            trainer.logger.close()
        return run


def _networks(run: Run, distributed: Distributed, *, with_draft: bool) -> Networks:
    """The run's networks; before its first checkpoint, with a draft's weights as the earlier run left them."""
    draft = run.recipe.draft
    if draft is None or not with_draft or run.newest("train") is not None:
        return build_networks(run.recipe, run.data, kept_draft(run.path))
    if distributed.is_main_process and kept_draft(run.path) is None:
        keep_draft(run, draft.run)
    distributed.wait()
    networks = build_networks(run.recipe, run.data, kept_draft(run.path))
    if networks.face_pipeline is not None and networks.face_pipeline.draft is not None:
        load_module(Run.open(draft.run).drawing_checkpoint(), "ema", networks.face_pipeline.draft)
    return networks
