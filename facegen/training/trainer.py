"""The two stages of a run, over one corpus and one set of networks."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from facegen.core.errors import CheckpointError
from facegen.core.interfaces import Dataset
from facegen.core.interruption import Interruption
from facegen.core.observer import Observer
from facegen.core.tables import DataSettings, MatchSettings, Split
from facegen.data.loader import Loader
from facegen.data.rows import Rows
from facegen.training.artist import Artist, Encoders
from facegen.training.checkpoint import load_module, load_tensors, read_state, same_network, save_checkpoint
from facegen.training.encodings import Encodings, encode_once
from facegen.training.exhibition import Exhibition, choose_noises, known_by
from facegen.training.gan import GanStage
from facegen.training.journal import Journal
from facegen.training.loop import run_stage
from facegen.training.match import MatchStage, match_modules
from facegen.training.monitor import Monitor
from facegen.training.networks import Networks
from facegen.training.run import Run
from facegen.training.sharing import find_match, match_key, may_start_afresh
from facegen.training.world import World

NUM_EXHIBITED_PEOPLE, NUM_EXHIBITED_NOISES = 8, 6
NUM_COMPARED_PEOPLE, NUM_MONITORED_NOISES = 32, 8


class Trainer:
    """Takes a run from where it stands through its match stage and its train stage.

    Args:
        run: what is trained.
        dataset: its corpus.
        networks: as built, or with a draft's weights.
        world: where it computes.
        observer: told about everything.
        interruption: asked after every step.
    """

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
        self.journal = Journal(run, writes=world.leads)
        self._train_rows: Rows | None = None

    def match(self) -> None:
        """Train the encoders, or take over those that are trained."""
        choice = self.recipe.one("matcher")
        if choice is None:
            return
        settings: MatchSettings = choice.engine
        if not self._is_matched():
            earlier = None if settings.run is None else _matched(Run.open(settings.run))
            if self.world.leads:
                self._share(earlier)
            self.world.wait()
        if not self._is_matched():
            modules = match_modules(self.networks)
            if settings.start is not None and self.run.newest("match") is None:
                self._start_from(_matched(Run.open(settings.start)))
            self._run_stage(self._match_stage(settings))
            if self.world.leads:
                state = {"key": match_key(self.recipe, self.dataset, self.world)}
                self._save_match(settings.steps, modules, state)
            self.world.wait()
        load_match(self.run, self.networks)

    def _is_matched(self) -> bool:
        """The same answer for every process: all have looked before one writes."""
        matched = self.run.is_matched
        self.world.wait()
        return matched

    def _share(self, earlier: Run | None) -> None:
        """Save an earlier run's match stage as this one's: the one that was named, or one that is the same."""
        reason = ""
        if earlier is None and self.run.newest("match") is None:
            key = match_key(self.recipe, self.dataset, self.world)
            earlier = None if key is None else find_match(self.run, key, self.networks)
            reason = ": same recipe, corpus and seed"
        if earlier is not None:
            modules, state = match_modules(self.networks), read_state(earlier.match_folder)
            self._take_over(earlier, modules, reason)
            self._save_match(state["step"], modules, {"key": state.get("key")})

    def _take_over(self, earlier: Run, modules: Mapping[str, nn.Module], reason: str = "") -> None:
        for name, module in modules.items():
            load_module(earlier.match_folder, name, module, shared_only=True)
        self.observer.say(f"match stage taken over from {earlier.path}{reason}")

    def _start_from(self, earlier: Run) -> None:
        modules, free = match_modules(self.networks), may_start_afresh(self.recipe)
        new = [
            name
            for name, module in modules.items()
            if name in free
            and not same_network(module.state_dict(), load_tensors(earlier.match_folder / f"{name}.safetensors"))
        ]
        self._take_over(earlier, {name: module for name, module in modules.items() if name not in new})
        for name in new:
            self.observer.say(f"its {name}: another network than this recipe's, which starts afresh")

    def _save_match(self, steps: int, modules: Mapping[str, nn.Module], state: Mapping[str, Any]) -> None:
        save_checkpoint(self.run.match_folder, {"stage": "match", "step": steps, **state}, modules, {})
        self.run.forget_old("match", 0)

    def _match_stage(self, settings: MatchSettings) -> MatchStage:
        matcher, encoders = self.networks.matcher, self.networks.encoders
        strangers = matcher.num_mismatched if matcher is not None else 0
        if settings.freeze_conditioner:
            encoders.freeze(everything=True)
        self._load_newest("match", match_modules(self.networks))
        encodings, needs = self._encodings(encoders)
        loader = Loader(self._rows(), settings.batch_size, strangers, self.recipe.run.seed, needs)
        return MatchStage(settings, self.networks, loader, encodings, self.world, self.recipe.run.precision)

    def play(self) -> None:
        """Train what draws, against the discriminator where there is one."""
        settings, artist, networks = self.recipe.train, self.networks.artist, self.networks
        if settings is None or artist is None:
            return
        penalties = [penalty for penalty, _ in networks.penalties]
        own = (networks.critic_encoders, networks.augmentation, *networks.objectives.values(), *penalties)
        networks.encoders.freeze()
        self.world.place(artist, networks.discriminator, *own)
        self._load_newest("train", {"artist": artist})
        encodings, needs = self._encodings(artist)
        loader = Loader(self._rows(), settings.batch_size, networks.num_mismatched, self.recipe.run.seed + 1, needs)
        stage = GanStage(
            settings, networks, loader, encodings, self._exhibition(artist), self._monitor(artist), self.journal,
            self.observer, self.world, self.recipe.run.precision,
        )  # fmt: skip
        self._run_stage(stage)

    def _load_newest(self, stage: str, modules: Mapping[str, nn.Module]) -> None:
        """Fill modules from a stage's newest checkpoint: encodings that are computed once must be of its weights."""
        newest = self.run.newest(stage)
        if newest is not None:
            for name, module in modules.items():
                load_module(newest[0], name, module)

    def _run_stage(self, stage: MatchStage | GanStage) -> None:
        run_stage(
            stage, self.run, self.recipe.run.seed, self.world, self.observer, self.journal, self.interruption
        )  # fmt: skip

    def _needs(self) -> frozenset[str]:
        artist = self.networks.artist
        return self.networks.encoders.needs if artist is None else artist.needs

    def _rows(self) -> Rows:
        """The training split, loaded once for both stages."""
        if self._train_rows is None:
            self._train_rows = Rows(
                self.dataset, self.settings, "train", self._needs(), self.world.device, self.observer
            )  # fmt: skip
        return self._train_rows

    def _encodings(self, source: Encoders | Artist) -> tuple[Encodings | None, frozenset[str]]:
        """Every clip's encoding where it no longer changes, and the columns that are then still needed."""
        self.world.place(source)
        found = encode_once(self._rows(), source, self.recipe.run.precision, self.observer)
        return found, source.needs if found is None else frozenset()

    def _spare_rows(self) -> Rows:
        """People, or at least clips, that training never sees, where the corpus has them: for pictures."""
        needs = self._needs()
        order: tuple[Split, ...] = ("heldout_people", "heldout_utterances", "train")
        known = order[1:] if "identity" in needs else order  # a name means nothing beyond those that were learnt
        split = next(split for split in known if len(self.dataset.clips(split)))
        return Rows(self.dataset, self.settings, split, needs, self.world.device, self.observer, keep=False)

    def _exhibition(self, artist: Artist) -> Exhibition:
        rows, seed = self._spare_rows(), self.recipe.run.seed
        chosen = rows.choose(NUM_EXHIBITED_PEOPLE, seed, distinct_people=True)
        noises = choose_noises(artist.noise, NUM_EXHIBITED_NOISES, seed, self.world.device)
        return Exhibition(rows.fetch_plain(chosen), noises, rows.split, self.dataset.spec.identities)

    def _monitor(self, artist: Artist) -> Monitor:
        rows, seed = self._rows(), self.recipe.run.seed
        chosen = rows.choose(NUM_COMPARED_PEOPLE, seed, distinct_people=True)
        noises = choose_noises(artist.noise, NUM_MONITORED_NOISES, seed + 1, self.world.device)
        return Monitor(rows.fetch_plain(chosen), noises, known_by(artist.needs))


def _matched(run: Run) -> Run:
    if not run.is_matched:
        raise CheckpointError(f"[match] {run.path}: its match stage is not finished; train it first")
    return run


def load_match(run: Run, networks: Networks) -> None:
    """Fill encoders, discriminator and matcher with the finished match stage of a run.

    Raises:
        CheckpointError: it is not finished, or damaged.
    """
    if not run.is_matched:
        raise CheckpointError(f"{run.path}: has no finished match stage; `facegen train ... --resume` goes on")
    for name, module in match_modules(networks).items():
        load_module(run.match_folder, name, module)
    if networks.critic_encoders is not None:
        networks.critic_encoders.start_as(networks.encoders)
