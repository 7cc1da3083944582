"""The two stages of a run, over one corpus and one set of networks."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from facegen.core.errors import CheckpointError
from facegen.core.interfaces import Dataset
from facegen.core.interruption import Interruption
from facegen.core.progress import Observer
from facegen.core.recipe.tables import DataSettings, MatchSettings, Split
from facegen.data.loading.loader import Loader
from facegen.data.loading.rows import Rows
from facegen.training.build import Networks
from facegen.training.distributed import Distributed
from facegen.training.encodings import Encodings, encode_once
from facegen.training.face_pipeline import Encoders, FacePipeline
from facegen.training.gan_stage import GanStage
from facegen.training.loop import run_stage
from facegen.training.match import MatchStage, match_modules
from facegen.training.monitor import Monitor
from facegen.training.runs.checkpoint import load_module, load_tensors, read_state, same_network, save_checkpoint
from facegen.training.runs.logger import RunLogger
from facegen.training.runs.match_cache import find_match, match_key, may_start_afresh
from facegen.training.runs.run import Run
from facegen.training.sample_grid import SampleGrid, choose_noises, condition_label

NUM_GRID_PEOPLE, NUM_GRID_NOISES = 8, 6
NUM_COMPARED_PEOPLE, NUM_MONITORED_NOISES = 32, 8


class Trainer:
    """Takes a run from where it stands through its match stage and its train stage.

    Args:
        run: what is trained.
        dataset: its corpus.
        networks: as built, or with a draft's weights.
        distributed: where it computes.
        observer: told about everything.
        interruption: asked after every step.
    """

    def __init__(
        self,
        run: Run,
        dataset: Dataset,
        networks: Networks,
        distributed: Distributed,
        observer: Observer,
        interruption: Interruption,
    ) -> None:
        self.run, self.dataset, self.networks = run, dataset, networks
        self.distributed, self.observer, self.interruption = distributed, observer, interruption
        self.recipe = run.recipe
        self.settings: DataSettings = self.recipe.config("dataset").engine
        self.logger = RunLogger(run, writes=distributed.is_main_process)
        self._train_rows: Rows | None = None

    def match(self) -> None:
        """Train the encoders, or take over those that are trained."""
        config = self.recipe.optional_config("matcher")
        if config is None:
            return
        settings: MatchSettings = config.engine
        if not self._is_matched():
            earlier = None if settings.run is None else _matched(Run.open(settings.run))
            if self.distributed.is_main_process:
                self._share(earlier)
            self.distributed.wait()
        if not self._is_matched():
            modules = match_modules(self.networks)
            if settings.start is not None and self.run.newest("match") is None:
                self._start_from(_matched(Run.open(settings.start)))
            self._run_stage(self._match_stage(settings))
            if self.distributed.is_main_process:
                state = {"key": match_key(self.recipe, self.dataset, self.distributed)}
                self._save_match(settings.steps, modules, state)
            self.distributed.wait()
        load_match(self.run, self.networks)

    def _is_matched(self) -> bool:
        """The same answer for every process: all have looked before one writes."""
        matched = self.run.is_matched
        self.distributed.wait()
        return matched

    def _share(self, earlier: Run | None) -> None:
        """Save an earlier run's match stage as this one's: the one that was named, or one that is the same."""
        reason = ""
        if earlier is None and self.run.newest("match") is None:
            key = match_key(self.recipe, self.dataset, self.distributed)
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
        return MatchStage(settings, self.networks, loader, encodings, self.distributed, self.recipe.run.precision)

    def train_gan(self) -> None:
        """Train what draws, against the discriminator where there is one."""
        settings, pipeline, networks = self.recipe.train, self.networks.face_pipeline, self.networks
        if settings is None or pipeline is None:
            return
        penalties = [penalty for penalty, _ in networks.penalties.values()]
        own = (networks.discriminator_encoders, networks.augmentation, *networks.objectives.values(), *penalties)
        networks.encoders.freeze()
        self.distributed.place(pipeline, networks.discriminator, *own)
        self._load_newest("train", {"face_pipeline": pipeline})
        encodings, needs = self._encodings(pipeline)
        loader = Loader(self._rows(), settings.batch_size, networks.num_mismatched, self.recipe.run.seed + 1, needs)
        stage = GanStage(
            settings, networks, loader, encodings, self._sample_grid(pipeline), self._monitor(pipeline), self.logger,
            self.observer, self.distributed, self.recipe.run.precision,
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
            stage, self.run, self.recipe.run.seed, self.distributed, self.observer, self.logger, self.interruption
        )  # fmt: skip

    def _needs(self) -> frozenset[str]:
        pipeline = self.networks.face_pipeline
        return self.networks.encoders.needs if pipeline is None else pipeline.needs

    def _rows(self) -> Rows:
        """The training split, loaded once for both stages."""
        if self._train_rows is None:
            self._train_rows = Rows(
                self.dataset, self.settings, "train", self._needs(), self.distributed.device, self.observer
            )  # fmt: skip
        return self._train_rows

    def _encodings(self, source: Encoders | FacePipeline) -> tuple[Encodings | None, frozenset[str]]:
        """Every clip's encoding where it no longer changes, and the columns that are then still needed."""
        self.distributed.place(source)
        found = encode_once(self._rows(), source, self.recipe.run.precision, self.observer)
        return found, source.needs if found is None else frozenset()

    def _spare_rows(self) -> Rows:
        """People, or at least clips, that training never sees, where the corpus has them: for pictures."""
        needs = self._needs()
        order: tuple[Split, ...] = ("heldout_people", "heldout_utterances", "train")
        known = order[1:] if "identity" in needs else order  # a name means nothing beyond those that were learnt
        split = next(split for split in known if len(self.dataset.clips(split)))
        return Rows(self.dataset, self.settings, split, needs, self.distributed.device, self.observer, keep=False)

    def _sample_grid(self, pipeline: FacePipeline) -> SampleGrid:
        rows, seed = self._spare_rows(), self.recipe.run.seed
        chosen = rows.choose(NUM_GRID_PEOPLE, seed, distinct_people=True)
        noises = choose_noises(pipeline.noise, NUM_GRID_NOISES, seed, self.distributed.device)
        return SampleGrid(rows.fetch_plain(chosen), noises, rows.split, self.dataset.spec.identities)

    def _monitor(self, pipeline: FacePipeline) -> Monitor:
        rows, seed = self._rows(), self.recipe.run.seed
        chosen = rows.choose(NUM_COMPARED_PEOPLE, seed, distinct_people=True)
        noises = choose_noises(pipeline.noise, NUM_MONITORED_NOISES, seed + 1, self.distributed.device)
        return Monitor(rows.fetch_plain(chosen), noises, condition_label(pipeline.needs))


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
    if networks.discriminator_encoders is not None:
        networks.discriminator_encoders.start_as(networks.encoders)
