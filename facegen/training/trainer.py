"""Trainer: the match stage and the train stage of one run, on one corpus and one set of networks."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from facegen.core.batch import Batch
from facegen.core.errors import CheckpointError
from facegen.core.interfaces import Dataset
from facegen.core.interruption import Interruption, Stop
from facegen.core.progress import Observer
from facegen.core.recipe.tables import DataSettings, MatchSettings, Split, TrainSettings
from facegen.data.loading.loader import Loader
from facegen.data.loading.rows import Rows
from facegen.training.build import Networks
from facegen.training.distributed import Distributed, LostProcessError
from facegen.training.encodings import Encodings, encode_once, num_rows_read
from facegen.training.face_pipeline import Encoders, FacePipeline, choose_noises
from facegen.training.fitting import fit_transforms
from facegen.training.gan_stage import GanStage
from facegen.training.loop import Interrupted, last_good, run_stage
from facegen.training.match import MatchStage, load_match_stage, match_modules
from facegen.training.monitor import Monitor
from facegen.training.optimisers import set_convolution_precision
from facegen.training.recognised_faces import FaceFeatures, face_features_once
from facegen.training.runs.checkpoint import (
    load_module,
    load_tensors,
    optimiser_file,
    read_state,
    same_network,
    save_checkpoint,
)
from facegen.training.runs.conditions import INFORMATIVE, Space, drawn_conditions, read_conditions
from facegen.training.runs.conditions import record as record_conditions
from facegen.training.runs.match_cache import find_cached_match, match_key, replaceable_networks
from facegen.training.runs.open_run import open_run_or_model
from facegen.training.runs.run import Run
from facegen.training.runs.run_logger import RunLogger
from facegen.training.runs.train_start import load_start
from facegen.training.sample_grid import SampleGrid, condition_label

NUM_GRID_PEOPLE, NUM_GRID_NOISES = 8, 6
NUM_COMPARED_PEOPLE, NUM_MONITORED_NOISES = 32, 8


class Trainer:
    """Trainer of one run: resumes each stage at its newest checkpoint and finishes it.

    `train` in facegen/training/train.py calls it for a run and for the earlier runs of its recipe; `run_stage` in
    facegen/training/loop.py is its loop over steps.

    Args:
        run: the run to train.
        dataset: its corpus.
        networks: as built, or with a draft's weights.
        distributed: this process among all.
        observer: gets progress and messages.
        interruption: checked after every step.
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
        self.logger = RunLogger(run, observer, writes=distributed.is_main_process)
        self._train_rows: Rows | None = None
        if distributed.device.type == "cuda":
            set_convolution_precision(self.recipe.run.precision)

    def match(self) -> None:
        """Train the match stage, or copy a finished one; then load it into the networks."""
        config = self.recipe.optional_config("matcher")
        if config is None:
            return
        settings: MatchSettings = config.engine
        encodings: Encodings | None = None
        if not self._is_matched():
            earlier = None if settings.run is None else _open_matched(settings.run)
            if self.distributed.is_main_process:
                self._copy_finished_stage(earlier)
            self.distributed.wait()
        if not self._is_matched():
            modules = match_modules(self.networks)
            if settings.start is not None and self.run.newest("match") is None:
                self._initialise_from(_open_matched(settings.start))
            with self._preparing("match"):
                stage = self._match_stage(settings)
            self._run_stage(stage)
            encodings = stage.encodings
            if self.distributed.is_main_process:
                # With the state and the optimiser of the last checkpoint, the finished stage can go on.
                last = read_state(self.run.checkpoint_folder("match", settings.steps)).model_dump(exclude={"format"})
                self._save_match({**last, "key": self._match_key()}, modules, stage.optimisers)
            self.distributed.wait()
        load_match_stage(self.run, self.networks)
        self._record_matched_conditions(encodings)

    def _record_matched_conditions(self, encodings: Encodings | None) -> None:
        """Store how encodings, which may be cached, and face embeddings of the match stage are distributed, once."""
        networks = self.networks
        if not self.distributed.is_main_process or "matched" in read_conditions(self.run.path):
            return
        encoders, discriminator = networks.encoders, networks.discriminator
        self.distributed.place(encoders, discriminator)
        spaces: dict[Space, Callable[[Batch], Tensor]] = {}
        if encoders.needs & INFORMATIVE:
            spaces["matched"] = encoders if encodings is None else lambda batch: encodings.of(batch.clip)
        if discriminator is not None and networks.matcher is not None and networks.matcher.needs_faces:
            spaces["face"] = lambda batch: discriminator.embed(discriminator.features(batch.faces))
        modules = [encoders, *([] if discriminator is None else [discriminator])]
        columns = None if encodings is None else frozenset[str]()
        with self.observer.section("conditions"):
            record_conditions(self.run.path, self._rows(), spaces, modules, columns)

    def _is_matched(self) -> bool:
        """Tell whether the match stage is finished; every process gets the same answer, as none writes meanwhile."""
        matched = self.run.is_matched
        self.distributed.wait()
        return matched

    def _copy_finished_stage(self, earlier: Run | None) -> None:
        """Save a finished match stage as this run's: that of [match] run, or an equal one of a run beside this one."""
        reason = ""
        if earlier is None and self.run.newest("match") is None:
            key = self._match_key()
            earlier = None if key is None else find_cached_match(self.run, key, self.networks)
            reason = ": same recipe, corpus and seed"
        if earlier is not None:
            modules, state = match_modules(self.networks), read_state(earlier.match_folder)
            self._load_shared(earlier, modules, reason)
            self._save_match({"stage": "match", "step": state.step, "key": state.key}, modules, {})

    def _load_shared(self, earlier: Run, modules: Mapping[str, nn.Module], reason: str = "") -> None:
        for name, module in modules.items():
            load_module(earlier.match_folder, name, module, shared_only=True)
        self.observer.say(f"match stage copied from {earlier.path}{reason}")

    def _initialise_from(self, earlier: Run) -> None:
        """Load the networks of an earlier match stage; those that differ and may do so keep their random weights."""
        modules, replaceable = match_modules(self.networks), replaceable_networks(self.recipe)
        new = [
            name
            for name, module in modules.items()
            if name in replaceable
            and not same_network(module.state_dict(), load_tensors(earlier.match_folder / f"{name}.safetensors"))
        ]
        self._load_shared(earlier, {name: module for name, module in modules.items() if name not in new})
        for name in new:
            self.observer.say(f"{name}: another network than that of {earlier.path}; starts from random weights")

    def _match_key(self) -> str | None:
        """Return the key by which runs share match stages; None for one whose settings were changed on the way."""
        if any(change.stage == "match" for change in self.run.changes):
            return None
        return match_key(self.recipe, self.dataset, self.distributed)

    def _save_match(
        self, state: Mapping[str, Any], modules: Mapping[str, nn.Module], optimisers: Mapping[str, Optimizer]
    ) -> None:
        files = {optimiser_file(name): optimiser for name, optimiser in optimisers.items()}
        save_checkpoint(self.run.match_folder, state, modules, files)
        self.run.prune_checkpoints("match", 0)

    def _match_stage(self, settings: MatchSettings) -> MatchStage:
        matcher, encoders = self.networks.matcher, self.networks.encoders
        num_mismatched = matcher.num_mismatched if matcher is not None else 0
        if settings.freeze_conditioner:
            encoders.freeze(everything=True)
        self._load_newest("match", match_modules(self.networks))
        encodings, needs = self._encodings(encoders, settings)
        features = self._face_features()
        loader = Loader(
            self._rows(), settings.batch_size, num_mismatched, self.recipe.run.seed, needs, with_faces=features is None
        )
        return MatchStage(
            settings, self.networks, loader, encodings, self.distributed, self.recipe.run.precision,
            features,
        )  # fmt: skip

    def _face_features(self) -> FaceFeatures | None:
        """Compute the features of [match.faces] of every face: the main process first, the others from its cache."""
        faces = self.networks.recognised_faces
        if faces is None:
            return None
        if not self.distributed.is_main_process:
            self.distributed.wait()
        features = face_features_once(self._rows(), faces, self.observer)
        if self.distributed.is_main_process:
            self.distributed.wait()
        return features

    def train_gan(self) -> None:
        """Run the adversarial stage; do nothing if the recipe only matches."""
        settings, pipeline, networks = self.recipe.train, self.networks.face_pipeline, self.networks
        if settings is None or pipeline is None:
            return
        penalties = [penalty for penalty, _ in networks.penalties.values()]
        modules = (networks.discriminator_encoders, networks.augmentation, *networks.objectives.values(), *penalties)
        networks.encoders.freeze()
        self.distributed.place(pipeline, networks.discriminator, *modules)
        if settings.start is not None and self.run.newest("train") is None:
            self._start_from(settings.start)
        self._load_newest("train", {"face_pipeline": pipeline})
        with self._preparing("train"):
            stage, encodings = self._gan_stage(settings, pipeline)
        was_finished = self.run.is_finished and "drawn" in read_conditions(self.run.path)
        self._run_stage(stage)
        if self.distributed.is_main_process and pipeline.needs & INFORMATIVE and not was_finished:
            average = stage.ema.module

            def drawn(batch: Batch) -> Tensor:
                encoding = average.encode(batch) if encodings is None else encodings.of(batch.clip)
                return drawn_conditions(average, encoding)

            columns = None if encodings is None else frozenset[str]()
            with self.observer.section("conditions"):
                record_conditions(self.run.path, self._rows(), {"drawn": drawn}, [average], columns)

    def _gan_stage(self, settings: TrainSettings, pipeline: FacePipeline) -> tuple[GanStage, Encodings | None]:
        networks = self.networks
        encodings, needs = self._encodings(pipeline, settings)
        if self.run.newest("train") is None:
            fit_transforms(
                pipeline, self._rows(), encodings, self.recipe.run.seed, self.recipe.run.precision, self.distributed,
                self.observer,
            )  # fmt: skip
        loader = Loader(self._rows(), settings.batch_size, networks.num_mismatched, self.recipe.run.seed + 1, needs)
        stage = GanStage(
            settings, networks, loader, encodings, self._sample_grid(pipeline), self._monitor(pipeline), self.logger,
            self.observer, self.distributed, self.recipe.run.precision,
        )  # fmt: skip
        return stage, encodings

    def _start_from(self, path: Path) -> None:
        """Load the networks of the run of [train] start, and record which weights they were."""
        earlier = open_run_or_model(path)
        record = load_start(earlier, self.recipe, self.dataset.spec, self.networks, self.observer)
        if self.distributed.is_main_process:
            self.run.with_start(record)
        self.distributed.wait()

    def _load_newest(self, stage: str, modules: Mapping[str, nn.Module]) -> None:
        """Load modules from a stage's newest checkpoint before encodings are cached, which depend on them."""
        newest = self.run.newest(stage)
        if newest is not None:
            for name, module in modules.items():
                load_module(newest[0], name, module)

    @contextmanager
    def _preparing(self, stage: str) -> Iterator[None]:
        """Stop at once on a signal before the first step of a stage: nothing is lost. Of several processes, none stops
        alone."""
        if self.distributed.size > 1:
            yield
            return
        try:
            with self.interruption.may_stop():
                yield
        except Stop as stop:
            newest = self.run.newest(stage)
            raise Interrupted(stop.signal_number, stage, 0 if newest is None else newest[1]) from None

    def _run_stage(self, stage: MatchStage | GanStage) -> None:
        try:
            with self.distributed.connected():  # a batch norm waits for the other processes, too
                run_stage(
                    stage, self.run, self.recipe.run.seed, self.distributed, self.observer, self.logger,
                    self.interruption,
                )  # fmt: skip
        except LostProcessError as lost:
            raise LostProcessError(
                *lost.problems,
                f"{stage.name}: training stopped; {last_good(stage, self.run)}; start all {self.distributed.size} "
                f"processes again with --resume, and it goes on from there",
            ) from lost

    def _needs(self) -> frozenset[str]:
        pipeline = self.networks.face_pipeline
        return self.networks.encoders.needs if pipeline is None else pipeline.needs

    def _rows(self) -> Rows:
        """Load the training split, once for both stages."""
        if self._train_rows is None:
            self._train_rows = Rows(
                self.dataset, self.settings, "train", self._needs(), self.distributed.device, self.observer
            )  # fmt: skip
        return self._train_rows

    def _encodings(
        self, source: Encoders | FacePipeline, settings: MatchSettings | TrainSettings
    ) -> tuple[Encodings | None, frozenset[str]]:
        """Cache the encoding of every clip if it no longer changes; also return the columns to load per batch."""
        self.distributed.place(source)
        num_read = self.distributed.size * num_rows_read(settings)
        encodings = encode_once(self._rows(), source, self.recipe.run.precision, self.observer, num_read)
        return encodings, source.needs if encodings is None else frozenset()

    def _sample_rows(self) -> Rows:
        """Load the rows of sample grids: people, or else clips, that training does not see, if the corpus has any."""
        needs = self._needs()
        order: tuple[Split, ...] = ("heldout_people", "heldout_utterances", "train")
        usable = order[1:] if "identity" in needs else order  # only names of the training split are known
        split = next(split for split in usable if len(self.dataset.clips(split)))
        return Rows(self.dataset, self.settings, split, needs, self.distributed.device, self.observer, keep=False)

    def _sample_grid(self, pipeline: FacePipeline) -> SampleGrid:
        rows, seed = self._sample_rows(), self.recipe.run.seed
        chosen = rows.choose(NUM_GRID_PEOPLE, seed, distinct_people=True)
        noises = choose_noises(pipeline.noise, NUM_GRID_NOISES, seed, self.distributed.device)
        return SampleGrid(rows.fetch_plain(chosen), noises, rows.split, self.dataset.spec.identities)

    def _monitor(self, pipeline: FacePipeline) -> Monitor:
        rows, seed = self._rows(), self.recipe.run.seed
        chosen = rows.choose(NUM_COMPARED_PEOPLE, seed, distinct_people=True)
        noises = choose_noises(pipeline.noise, NUM_MONITORED_NOISES, seed + 1, self.distributed.device)
        return Monitor(rows.fetch_plain(chosen), noises, condition_label(pipeline.needs))


def _open_matched(path: Path) -> Run:
    run = open_run_or_model(path)
    if not run.is_matched:
        raise CheckpointError(f"[match] {path}: its match stage is not finished; train it first")
    return run
