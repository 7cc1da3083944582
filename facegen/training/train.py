"""Train a recipe into a run folder: check it, train the earlier runs that it names, then run its stages."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from facegen.core.batch import DataSpec
from facegen.core.disk_faults import explain_disk_fault
from facegen.core.errors import RecipeError, TrainingError
from facegen.core.interfaces import Dataset
from facegen.core.interruption import Interruption
from facegen.core.logger_interface import Status
from facegen.core.progress import Observer
from facegen.core.recipe.part_config import Recipe
from facegen.core.recipe.run_files import is_run
from facegen.training.build import Networks, build_networks
from facegen.training.check.dry_run import dry_run
from facegen.training.check.forecast import Forecast, forecast
from facegen.training.check.memory_limit import require_memory
from facegen.training.distributed import Distributed
from facegen.training.loop import Interrupted
from facegen.training.runs.checkpoint import load_module
from facegen.training.runs.claim import claim_run
from facegen.training.runs.earlier_runs import (
    TRAIN_START,
    earlier_run_folder,
    has_needed_stage,
    is_about_match,
    open_earlier_run,
    pending_earlier_runs,
    store_draft,
    stored_draft,
    with_run_folders,
)
from facegen.training.runs.match_cache import incompatible_networks
from facegen.training.runs.open_run import open_run_or_model, run_folder
from facegen.training.runs.part_files import with_run_files
from facegen.training.runs.run import Run
from facegen.training.runs.run_logger import RunLogger
from facegen.training.runs.train_start import EarlierNetworks, start_problems
from facegen.training.trainer import Trainer


def open_dataset(recipe: Recipe) -> Dataset:
    """Open the corpus of a recipe.

    Raises:
        DataError: the corpus is missing, damaged, or does not fit the recipe.
    """
    config = recipe.config("dataset")
    dataset: Dataset = config.build(config.engine)
    return dataset


@dataclass(frozen=True)
class PreparedTraining:
    """A training whose recipe has no problem that is found without training.

    Attributes:
        recipe: with run folders and the files of a run.
        out: the run folder.
        dataset: the corpus.
        networks: on the meta device.
        distributed: this process among all.
    """

    recipe: Recipe
    out: Path
    dataset: Dataset
    networks: Networks
    distributed: Distributed

    def forecast(self) -> Forecast | None:
        """Estimate time and memory of what is left to train, earlier runs included; None if that is next to nothing."""
        run = Run(self.out, self.recipe, self.dataset.spec)
        earlier = [
            (name, self.recipe.earlier[name], open_dataset(self.recipe.earlier[name]))
            for name in pending_earlier_runs(self.recipe, run, only_match=False)
            if name in self.recipe.earlier and open_earlier_run(self.recipe, name) is None
        ]
        return forecast(self.recipe, self.out, self.networks, self.dataset, earlier, self.distributed.device)

    def train(self, *, resume: bool, observer: Observer, interruption: Interruption | None = None) -> Run:
        """Train; see `train`."""
        interruption = interruption or Interruption()  # that no signal reaches
        if not self.distributed.is_main_process:
            observer = Observer()  # only the main process reports
        try:
            return _train(
                self.recipe, self.dataset, self.out, resume, self.distributed, observer, interruption, only_match=False
            )  # fmt: skip
        except OSError as error:
            problem = explain_disk_fault(error, kept="checkpoints that were complete before are unchanged")
            raise TrainingError(f"{self.out}: training stopped: {problem}, with --resume") from error


def prepare_training(recipe: Recipe, out: Path) -> PreparedTraining:
    """Find every problem of a training that can be found before its first step.

    Raises:
        FacegenError: anything that the user can correct.
    """
    distributed = Distributed.join(recipe.run.device)
    recipe = with_run_folders(recipe, out)
    if is_run(out):
        recipe = with_run_files(out, recipe, Run.open(out).files)
    dataset = open_dataset(recipe)
    networks = check_training(recipe, dataset, out, distributed=distributed)
    return PreparedTraining(recipe, out, dataset, networks, distributed)


def train(
    recipe: Recipe, out: Path, *, resume: bool, observer: Observer, interruption: Interruption | None = None
) -> Run:
    """Train a recipe into a run folder; earlier recipes that it names are trained first, into folders beside it.

    Args:
        recipe: checked.
        out: the run folder.
        resume: resume the run in the folder; start it if there is none.
        observer: gets progress and messages.
        interruption: checked after every step; None if signals have their usual effect.
    Raises:
        FacegenError: anything that the user can correct, before training if possible.
        Interrupted: the user stopped training; a checkpoint is saved.
    """
    return prepare_training(recipe, out).train(resume=resume, observer=observer, interruption=interruption)


def check_training(
    recipe: Recipe,
    dataset: Dataset,
    out: Path | None,
    *,
    only_match: bool = False,
    distributed: Distributed | None = None,
) -> Networks:
    """Find every problem of a recipe, and of the earlier runs that it names, before any training.

    Args:
        recipe: with run folders, if `out` is given.
        dataset: its corpus.
        out: the run folder, which may hold a run that needs its earlier runs no more; None for no folder yet.
        only_match: the train stage of the recipe is not needed.
        distributed: this process among those that train; None for a check alone, whatever memory the machine has.
    Returns:
        its networks, on the meta device.
    Raises:
        FacegenError: everything that the user can correct.
    """
    spec, earlier = dataset.spec, {}
    own_run = None if out is None else Run(out, recipe, spec)
    for name in pending_earlier_runs(recipe, own_run, only_match=only_match):
        run = open_earlier_run(recipe, name)
        if name in recipe.earlier:
            before = recipe.earlier[name]
            folder = None if out is None else earlier_run_folder(recipe, name)
            corpus = open_dataset(before)
            networks = check_training(before, corpus, folder, only_match=is_about_match(name), distributed=distributed)
            earlier[name] = EarlierNetworks(before, corpus.spec, networks)
        elif run is not None:
            with torch.device("meta"):
                networks = build_networks(run.recipe, run.data, stored_draft(run.path))
            earlier[name] = EarlierNetworks(run.recipe, run.data, networks)
    networks = dry_run(recipe, spec, out)
    problems = [
        f"{recipe.source}: [{name.replace('.', '] ')} = '{earlier_run_folder(recipe, name)}': {problem}"
        for name, before in earlier.items()
        for problem in _earlier_problems(name, recipe, spec, networks, before)
    ]
    if problems:
        raise RecipeError(*problems)
    if distributed is not None:
        require_memory(recipe, networks, dataset, distributed, only_match=only_match)
    return networks


def _earlier_problems(
    name: str, recipe: Recipe, data: DataSpec, networks: Networks, earlier: EarlierNetworks
) -> list[str]:
    """Explain why networks cannot take their weights from an earlier run; the dry run checks a draft."""
    if name == TRAIN_START:
        return start_problems(recipe, data, networks, earlier)
    incompatible = incompatible_networks(recipe, networks, earlier.networks) if is_about_match(name) else []
    if not incompatible:
        return []
    return [
        f"its {' and '.join(incompatible)} differ from this recipe's; use the same tables for these networks in both "
        f"recipes"
    ]


def _train(
    recipe: Recipe,
    dataset: Dataset,
    out: Path,
    resume: bool,
    distributed: Distributed,
    observer: Observer,
    interruption: Interruption,
    *,
    only_match: bool,
) -> Run:
    with claim_run(out, recipe, dataset, resume=resume, distributed=distributed, observer=observer) as run:
        for name in pending_earlier_runs(recipe, run, only_match=only_match):
            started = open_earlier_run(recipe, name)
            if started is not None and (name not in recipe.earlier or has_needed_stage(started, name)):
                continue
            earlier, folder = recipe.earlier[name], earlier_run_folder(recipe, name)
            if started is not None:
                earlier = replace(started.recipe, earlier=earlier.earlier)
            observer.say(
                f"{folder} is trained first: {Path(recipe.source).name} builds on it, with [{name.replace('.', '] ')}"
            )
            corpus, only_matched = open_dataset(earlier), is_about_match(name)
            _train(earlier, corpus, folder, True, distributed, observer, interruption, only_match=only_matched)
        networks = _networks(run, distributed, with_draft=not only_match)
        trainer = Trainer(run, dataset, networks, distributed, observer, interruption)
        with _logged(trainer.logger):
            trainer.match()
            if not only_match:
                trainer.train_gan()
        return run


@contextmanager
def _logged(logger: RunLogger) -> Iterator[None]:
    """Report begin and end of a training to the run's loggers."""
    status: Status = "failed"
    logger.run_started()
    try:
        yield
        status = "finished"
    except Interrupted:
        status = "interrupted"
        raise
    finally:
        logger.run_ended(status)


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
