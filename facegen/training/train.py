"""From a recipe to a trained run: data, networks, match stage, train stage."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from facegen.core.batch import DataSpec
from facegen.core.errors import CheckpointError, DataError
from facegen.core.interfaces import Dataset
from facegen.core.observer import Observer
from facegen.core.recipe import Recipe
from facegen.core.tables import DataSettings, MatchSettings, Split
from facegen.data.loader import Loader
from facegen.data.rows import Rows
from facegen.training.checkpoint import load_module, save_checkpoint
from facegen.training.encodings import Encodings, encode_once
from facegen.training.exhibition import Exhibition, choose_noises
from facegen.training.gan import GanStage
from facegen.training.journal import Journal
from facegen.training.loop import Interruption, run_stage
from facegen.training.match import MatchStage, match_modules
from facegen.training.monitor import Monitor
from facegen.training.networks import Networks, build_networks, rehearse
from facegen.training.run import Run
from facegen.training.world import World

NUM_EXHIBITED_VOICES, NUM_EXHIBITED_NOISES = 8, 6
NUM_MONITORED_VOICES, NUM_MONITORED_NOISES = 8, 8


def open_dataset(recipe: Recipe) -> Dataset:
    """The recipe's corpus.

    Raises:
        DataError: it is missing, damaged or unfit.
    """
    choice = recipe.chosen("dataset")
    dataset: Dataset = choice.build(choice.engine)
    return dataset


def train(recipe: Recipe, out: Path, *, resume: bool, observer: Observer, interruption: Interruption) -> Run:
    """Train a recipe into a run folder.

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
    dataset = open_dataset(recipe)
    rehearse(recipe, dataset.spec)
    run = _claim(out, recipe, dataset.spec, resume, world)
    networks = build_networks(recipe, dataset.spec)
    trainer = _Trainer(run, dataset, networks, world, observer, interruption)
    try:
        trainer.match()
        trainer.play()
    finally:
        trainer.journal.close()
    return run


def _claim(out: Path, recipe: Recipe, data: DataSpec, resume: bool, world: World) -> Run:
    exists = (out / "run.json").exists()
    world.wait()
    if not exists:
        if out.exists() and any(out.iterdir()):
            raise CheckpointError(f"{out}: is not empty and holds no run; give another folder with --out")
        if world.leads:
            Run.create(out, recipe, data)
        world.wait()
        return Run.open(out)
    if not resume:
        raise CheckpointError(f"{out}: holds a run already; --resume goes on with it, --out names another folder")
    run = Run.open(out)
    differing = differences(run.recipe.tables, recipe.tables)
    if differing:
        raise CheckpointError(
            f"{out}: was begun with another recipe, which differs in {', '.join(differing)}; "
            f"name another folder with --out, or use the run's own {out / 'recipe.toml'}"
        )
    return run


def differences(first: Mapping[str, Any], second: Mapping[str, Any], above: str = "") -> list[str]:
    """Dotted keys in which two recipes differ."""
    found = []
    for key in sorted({*first, *second}):
        one, other = first.get(key), second.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            found += differences(one, other, f"{above}{key}.")
        elif one != other:
            found.append(f"{above}{key}")
    return found


class _Trainer:
    """The two stages over one corpus and one set of networks."""

    def __init__(
        self,
        run: Run,
        dataset: Dataset,
        networks: Networks,
        world: World,
        observer: Observer,
        interruption: Interruption,
    ) -> None:
        self.run, self.dataset, self.networks = run, dataset, networks
        self.world, self.observer, self.interruption = world, observer, interruption
        self.recipe = run.recipe
        self.settings: DataSettings = self.recipe.chosen("dataset").engine
        self.journal = Journal(run)
        self._train_rows: Rows | None = None

    def _rows(self) -> Rows:
        """The training split, loaded once for both stages."""
        if self._train_rows is None:
            self._train_rows = Rows(
                self.dataset, self.settings, "train", self.networks.encoders.needs, self.world.device, self.observer
            )
        return self._train_rows

    def _run_stage(self, stage: MatchStage | GanStage) -> None:
        newest = self.run.newest(stage.name)
        if self.world.leads:
            self.run.rewind_log(stage.name, newest[1] if newest else 0)
        run_stage(
            stage, self.run, self.recipe.run.seed, self.world, self.observer, self.journal, self.interruption
        )  # fmt: skip

    def match(self) -> None:
        """Train the encoders, or take over those that are trained."""
        choice = self.recipe.one("matcher")
        if choice is None:
            return
        settings: MatchSettings = choice.engine
        modules = match_modules(self.networks)
        if not self.run.match_folder.exists():
            if settings.run is not None:
                self._take_over(settings.run, modules)
            else:
                if settings.start is not None:
                    self._take_over(settings.start, modules)
                self._run_stage(self._match_stage(settings))
            if self.world.leads:
                save_checkpoint(self.run.match_folder, {"stage": "match", "step": settings.steps}, modules, {})
                self.run.forget_old("match", 0)
            self.world.wait()
        load_match(self.run, self.networks)

    def _match_stage(self, settings: MatchSettings) -> MatchStage:
        matcher = self.networks.matcher
        strangers = matcher.num_mismatched if matcher is not None else 0
        if settings.freeze_conditioner:
            self.networks.encoders.freeze(everything=True)
        encodings, needs = self._encodings()
        loader = Loader(self._rows(), settings.batch_size, strangers, self.recipe.run.seed, needs)
        return MatchStage(settings, self.networks, loader, encodings, self.world, self.recipe.run.precision)

    def _take_over(self, path: Path, modules: Mapping[str, nn.Module]) -> None:
        earlier = Run.open(path)
        if not earlier.match_folder.exists():
            raise CheckpointError(f"[match] {path}: its match stage is not finished; train it first")
        for name, module in modules.items():
            load_module(earlier.match_folder, name, module, shared_only=True)
        self.observer.say(f"match stage taken over from {path}")

    def play(self) -> None:
        """Train generator and discriminator."""
        settings, artist, discriminator = self.recipe.train, self.networks.artist, self.networks.discriminator
        if settings is None or artist is None or discriminator is None:
            return
        networks = self.networks
        penalties = [penalty for penalty, _ in networks.penalties]
        own = (networks.critic_encoders, networks.augmentation, *networks.objectives.values(), *penalties)
        self.world.place(artist, discriminator, *own)
        networks.encoders.freeze()
        encodings, needs = self._encodings()
        loader = Loader(
            self._rows(), settings.batch_size, self.networks.num_mismatched, self.recipe.run.seed + 1, needs
        )
        stage = GanStage(
            settings, self.networks, loader, encodings, self._exhibition(), self._monitor(), self.journal,
            self.observer, self.world, self.recipe.run.precision,
        )  # fmt: skip
        self._run_stage(stage)

    def _encodings(self) -> tuple[Encodings | None, frozenset[str]]:
        """Every clip's encoding where it no longer changes, and the columns that are then still needed."""
        encoders = self.networks.encoders
        self.world.place(encoders)
        found = encode_once(self._rows(), encoders, self.recipe.run.precision, self.observer)
        return found, encoders.needs if found is None else frozenset()

    def _spare_rows(self) -> Rows:
        """People that training never sees, where the corpus has them: for pictures."""
        order: tuple[Split, ...] = ("heldout_people", "heldout_utterances", "train")
        split = next(split for split in order if len(self.dataset.clips(split)))
        needs = self.networks.encoders.needs
        return Rows(self.dataset, self.settings, split, needs, self.world.device, self.observer, keep=False)

    def _exhibition(self) -> Exhibition:
        rows, artist = self._spare_rows(), self.networks.artist
        if artist is None:
            raise DataError("the recipe has no generator")
        chosen = rows.choose(NUM_EXHIBITED_VOICES, self.recipe.run.seed, distinct_people=True)
        noises = choose_noises(artist.generator.noise, NUM_EXHIBITED_NOISES, self.recipe.run.seed, self.world.device)
        return Exhibition(rows.fetch_plain(chosen), noises, rows.split)

    def _monitor(self) -> Monitor:
        artist = self.networks.artist
        if artist is None:
            raise DataError("the recipe has no generator")
        rows, seed = self._rows(), self.recipe.run.seed
        chosen = rows.choose(4 * NUM_MONITORED_VOICES, seed, distinct_people=True)
        batch = rows.fetch_plain(chosen)
        noises = choose_noises(artist.generator.noise, NUM_MONITORED_NOISES, seed + 1, self.world.device)
        artist.eval()
        with torch.no_grad():
            conditions = artist.condition(batch).generator[:NUM_MONITORED_VOICES]
        artist.train()
        return Monitor(batch.faces, conditions, noises)


def load_match(run: Run, networks: Networks) -> None:
    """Fill encoders, discriminator and matcher with the finished match stage of a run.

    Raises:
        CheckpointError: it is not finished, or damaged.
    """
    if not run.match_folder.exists():
        raise CheckpointError(f"{run.path}: has no finished match stage; `facegen train ... --resume` goes on")
    for name, module in match_modules(networks).items():
        load_module(run.match_folder, name, module)
    own = networks.critic_encoders
    if own is not None:
        own.load_state_dict(networks.encoders.state_dict())
