"""Train a recipe into a run folder: check it, train the earlier runs that it names, then run its stages."""

from dataclasses import replace
from pathlib import Path

import torch

from facegen.core.disk_faults import explain_disk_fault
from facegen.core.errors import RecipeError, TrainingError
from facegen.core.interfaces import Dataset
from facegen.core.interruption import Interruption
from facegen.core.progress import Observer
from facegen.core.recipe.part_config import Recipe
from facegen.training.build import Networks, build_networks
from facegen.training.check.dry_run import dry_run
from facegen.training.distributed import Distributed
from facegen.training.runs.checkpoint import load_module
from facegen.training.runs.claim import claim_run
from facegen.training.runs.earlier_runs import (
    DRAFT,
    earlier_run_folder,
    has_needed_stage,
    open_earlier_run,
    pending_earlier_runs,
    store_draft,
    stored_draft,
    with_run_folders,
)
from facegen.training.runs.match_cache import incompatible_networks
from facegen.training.runs.open_run import open_run_or_model, run_folder
from facegen.training.runs.run import Run
from facegen.training.trainer import Trainer


def open_dataset(recipe: Recipe) -> Dataset:
    """Open the corpus of a recipe.

    Raises:
        DataError: the corpus is missing, damaged, or does not fit the recipe.
    """
    config = recipe.config("dataset")
    dataset: Dataset = config.build(config.engine)
    return dataset


def train(recipe: Recipe, out: Path, *, resume: bool, observer: Observer, interruption: Interruption) -> Run:
    """Train a recipe into a run folder; earlier recipes that it names are trained first, into folders beside it.

    Args:
        recipe: checked.
        out: the run folder.
        resume: resume the run in the folder; start it if there is none.
        observer: gets progress and messages.
        interruption: checked after every step.
    Raises:
        FacegenError: anything that the user can correct, before training if possible.
        Interrupted: the user stopped training; a checkpoint is saved.
    """
    distributed = Distributed.join(recipe.run.device)
    if not distributed.is_main_process:
        observer = Observer()  # only the main process reports
    recipe = with_run_folders(recipe, out)
    _check(recipe, out, only_match=False)
    try:
        return _train(recipe, out, resume, distributed, observer, interruption, only_match=False)
    except OSError as error:
        problem = explain_disk_fault(error, kept="the newest checkpoint is unchanged")
        raise TrainingError(f"{out}: training stopped: {problem}, with --resume") from error


def _check(recipe: Recipe, out: Path, *, only_match: bool) -> Networks:
    """Find every problem of a recipe with run folders, and of its earlier recipes, before any training."""
    spec = open_dataset(recipe).spec
    earlier = {}
    for name in pending_earlier_runs(recipe, Run(out, recipe, spec), only_match=only_match):
        run = open_earlier_run(recipe, name)
        if name in recipe.earlier:
            earlier[name] = _check(recipe.earlier[name], earlier_run_folder(recipe, name), only_match=name != DRAFT)
        elif run is not None:
            with torch.device("meta"):
                earlier[name] = build_networks(run.recipe, run.data, stored_draft(run.path))
    networks = dry_run(recipe, spec, out)
    for name in earlier.keys() - {DRAFT}:
        incompatible = incompatible_networks(recipe, networks, earlier[name])
        if incompatible:
            folder = earlier_run_folder(recipe, name)
            raise RecipeError(
                f"{recipe.source}: [{name.replace('.', '] ')} = '{folder}': its {' and '.join(incompatible)} differ "
                f"from this recipe's; use the same tables for these networks in both recipes"
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
    with claim_run(out, recipe, dataset, resume=resume, distributed=distributed, observer=observer) as run:
        for name in pending_earlier_runs(recipe, run, only_match=only_match):
            started = open_earlier_run(recipe, name)
            if started is not None and has_needed_stage(started, name):
                continue
            earlier, folder = recipe.earlier[name], earlier_run_folder(recipe, name)
            if started is not None:
                earlier = replace(started.recipe, earlier=earlier.earlier)
            observer.say(
                f"{folder} is trained first: {Path(recipe.source).name} builds on it, with [{name.replace('.', '] ')}"
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
    """Build the networks of a run; before its first checkpoint, load the draft's weights from the earlier run."""
    draft = run.recipe.draft
    if draft is None or not with_draft or run.newest("train") is not None:
        return build_networks(run.recipe, run.data, stored_draft(run.path))
    if distributed.is_main_process and stored_draft(run.path) is None:
        store_draft(run, run_folder(draft.run))
    distributed.wait()
    networks = build_networks(run.recipe, run.data, stored_draft(run.path))
    if networks.face_pipeline is not None and networks.face_pipeline.draft is not None:
        load_module(open_run_or_model(draft.run).generator_checkpoint(), "ema", networks.face_pipeline.draft)
    return networks
