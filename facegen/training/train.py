"""From a recipe to a trained run: what it builds on, its corpus, its networks, its stages."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from facegen.core.batch import DataSpec
from facegen.core.chosen import Recipe
from facegen.core.errors import CheckpointError, RecipeError
from facegen.core.files import LOCK, file_lock
from facegen.core.interfaces import Dataset
from facegen.core.interruption import Interruption
from facegen.core.observer import Observer
from facegen.core.recipe_file import differences
from facegen.training.checkpoint import load_module
from facegen.training.draft import keep_draft, kept_draft
from facegen.training.earlier import DRAFT, awaited, enough, folder_of, settled, standing
from facegen.training.networks import Networks, build_networks
from facegen.training.rehearsal import rehearse
from facegen.training.run import Run
from facegen.training.sharing import misfits
from facegen.training.trainer import Trainer
from facegen.training.world import World


def open_dataset(recipe: Recipe) -> Dataset:
    """The recipe's corpus.

    Raises:
        DataError: it is missing, damaged or unfit.
    """
    choice = recipe.chosen("dataset")
    dataset: Dataset = choice.build(choice.engine)
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
    world = World.join(recipe.run.device)
    if not world.leads:
        observer = Observer()  # one of them tells it
    recipe = settled(recipe, out)
    _examine(recipe, out, only_match=False)
    return _train(recipe, out, resume, world, observer, interruption, only_match=False)


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
    networks = rehearse(recipe, spec, out)
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
    world: World,
    observer: Observer,
    interruption: Interruption,
    *,
    only_match: bool,
) -> Run:
    dataset = open_dataset(recipe)
    run = _claim(out, recipe, dataset.spec, resume, world)
    with _alone(run, world):
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
            _train(earlier, folder, True, world, observer, interruption, only_match=name != DRAFT)
        networks = _networks(run, world, with_draft=not only_match)
        trainer = Trainer(run, dataset, networks, world, observer, interruption)
        try:
            trainer.match()
            if not only_match:
                trainer.play()
        finally:
            trainer.journal.close()
        return run


@contextmanager
def _alone(run: Run, world: World) -> Iterator[None]:
    with ExitStack() as work:
        if world.leads:
            try:
                work.enter_context(file_lock(run.path / LOCK))
            except BlockingIOError:
                raise CheckpointError(
                    f"{run.path}: another process is training this run; wait for it, or stop it"
                ) from None
        yield


def _claim(out: Path, recipe: Recipe, data: DataSpec, resume: bool, world: World) -> Run:
    exists = (out / "run.json").exists()
    occupied = out.exists() and any(out.iterdir())
    world.wait()  # all have looked before one writes
    if not exists:
        if occupied:
            raise CheckpointError(f"{out}: is not empty and holds no run; give another folder with --out")
        if world.leads:
            Run.create(out, recipe, data)
        world.wait()
        return Run.open(out)
    if not resume:
        raise CheckpointError(f"{out}: holds a run already; --resume goes on with it, --out names another folder")
    run = Run.open(out)
    differing = differences(run.recipe.values, recipe.values)
    if differing:
        raise CheckpointError(
            f"{out}: was begun with another recipe, which differs in {', '.join(differing)}; "
            f"name another folder with --out, or use the run's own {out / 'recipe.toml'}"
        )
    return run


def _networks(run: Run, world: World, *, with_draft: bool) -> Networks:
    """The run's networks; before its first checkpoint, with a draft's weights as the earlier run left them."""
    draft = run.recipe.draft
    if draft is None or not with_draft or run.newest("train") is not None:
        return build_networks(run.recipe, run.data, kept_draft(run.path))
    if world.leads and kept_draft(run.path) is None:
        keep_draft(run, draft.run)
    world.wait()
    networks = build_networks(run.recipe, run.data, kept_draft(run.path))
    if networks.artist is not None and networks.artist.draft is not None:
        load_module(Run.open(draft.run).drawing_checkpoint(), "average", networks.artist.draft)
    return networks
