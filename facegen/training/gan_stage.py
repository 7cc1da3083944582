"""Train stage: adversarial steps, schedules, moving average, sample grids and monitor."""

import re
from collections.abc import Mapping

from torch import Tensor, nn
from torch.optim import Optimizer

from facegen.core.batch import Batch, Terms
from facegen.core.progress import Observer
from facegen.core.recipe.schedule import advance_schedules
from facegen.core.recipe.tables import TrainSettings
from facegen.data.loading.loader import Loader
from facegen.data.media.generated_media import save_picture
from facegen.data.media.marking import TRUE_FACES, Mark
from facegen.training.build import Networks
from facegen.training.distributed import Distributed
from facegen.training.ema import EMA
from facegen.training.encodings import Encodings
from facegen.training.face_pipeline import FacePipeline
from facegen.training.gan import GanStep, gan_weights
from facegen.training.monitor import Monitor
from facegen.training.optimisers import build_optimiser, learning_rate, set_learning_rate
from facegen.training.runs.run_logger import RunLogger
from facegen.training.sample_grid import SampleGrid, condition_label


class GanStage:
    """Training of generator and discriminator, with a moving average of the face pipeline.

    Args:
        settings: the recipe's [train].
        networks: what is trained.
        loader: yields the batches.
        encodings: cached encodings of the loader's clips; None where they change from step to step.
        sample_grid: drawn every `sample_steps`.
        monitor: run every `monitor_steps`.
        logger, observer: the log of the run, and the progress of the command.
        distributed: this process among all.
        precision: "auto", "fp32" or "bf16".
    """

    name = "train"

    def __init__(
        self,
        settings: TrainSettings,
        networks: Networks,
        loader: Loader,
        encodings: Encodings | None,
        sample_grid: SampleGrid,
        monitor: Monitor,
        logger: RunLogger,
        observer: Observer,
        distributed: Distributed,
        precision: str,
    ) -> None:
        if networks.face_pipeline is None:
            raise ValueError("the train stage needs a generator")
        self.settings, self.networks, self.distributed = settings, networks, distributed
        self.loader, self.encodings = loader, encodings
        self.sample_grid, self.monitor, self.logger, self.observer = sample_grid, monitor, logger, observer
        self.steps, self.log_steps = settings.steps, settings.log_steps
        self.checkpoint_steps, self.keep_checkpoints = settings.checkpoint_steps, settings.keep_checkpoints
        self.face_pipeline: FacePipeline = networks.face_pipeline
        self.ema = EMA(networks.face_pipeline, settings.ema_images)
        self.optimisers: Mapping[str, Optimizer] = {
            side: build_optimiser(getattr(settings, side), weights) for side, weights in gan_weights(networks).items()
        }
        self.modules: Mapping[str, nn.Module] = gan_modules(networks) | {"ema": self.ema.module}
        self._step = GanStep(
            networks, self.optimisers, critic_trains_conditioner=settings.critic_trains_conditioner,
            num_identities=loader.rows.dataset.spec.num_identities, distributed=distributed, precision=precision,
        )  # fmt: skip
        self._warned: set[str] = set()

    def step(self, step: int) -> Terms:
        """Run one generator step and `critic_steps` discriminator steps."""
        set_schedules(self.networks, step, self.steps)
        for side, optimiser in self.optimisers.items():
            set_learning_rate(optimiser, learning_rate(getattr(self.settings, side), step, self.steps))
        critic_steps = self.settings.critic_steps
        first = step * critic_steps
        for further in range(first, first + critic_steps - 1):
            batch = self._batch(further)
            self._step.extra_discriminator_step(batch, self._encoding(batch.clip), further)
        batch = self._batch(first + critic_steps - 1)
        scalars = self._step(batch, self._encoding(batch.clip), first + critic_steps - 1)
        images = len(batch) * self.distributed.size
        self.ema.update(self.face_pipeline, images, (step + 1) * images)
        return scalars

    def _batch(self, step: int) -> Batch:
        return self.loader.batch(step * self.distributed.size + self.distributed.rank, stride=self.distributed.size)

    def _encoding(self, clip: Tensor) -> Tensor | None:
        return None if self.encodings is None else self.encodings.of(clip)

    def after_step(self, done_steps: int) -> None:
        """Save the sample grid and run the monitor when they are due."""
        last = done_steps == self.steps
        if last or done_steps % self.settings.monitor_steps == 0:
            with self.observer.section("monitor"):
                reading = self.monitor.measure(self.ema.module)
            self.logger.step_logged("monitor", done_steps, reading.values())
            for warning in self.monitor.warnings(reading) if done_steps > self.steps // 10 else ():
                kind = re.split(r"[:(]", warning)[0]
                if kind not in self._warned:
                    self._warned.add(kind)
                    self.observer.warn(f"step {done_steps}: {warning}")
        if last or done_steps % self.settings.sample_steps == 0:
            with self.observer.section("sample grid"):
                self._save_sample_grid(done_steps)

    def _save_sample_grid(self, done_steps: int) -> None:
        run = self.logger.run
        subjects = condition_label(self.ema.module.needs)
        title = f"{run.path.name}, step {done_steps}, by {subjects}, {self.sample_grid.split}"
        picture = self.sample_grid.picture(self.ema.module, title)
        path = run.path / "samples" / f"step_{done_steps:08d}.png"
        save_picture(picture, path, Mark(run.name, run.recipe.run.seed, TRUE_FACES))
        self.logger.image("samples", done_steps, picture)
        self.observer.picture(path, "faces of fixed people")


def set_schedules(networks: Networks, step: int, stage_steps: int) -> None:
    """Set the schedules of every part that trains for a step of so many; a draft's stay at the end of its training."""
    parts: list[nn.Module | None] = [*networks.objectives.values(), networks.augmentation]
    parts += [penalty for penalty, _ in networks.penalties.values()]
    parts += [] if networks.face_pipeline is None else networks.face_pipeline.own
    for part in parts:
        if part is not None:
            advance_schedules(part, step, stage_steps)


def gan_modules(networks: Networks) -> dict[str, nn.Module]:
    """Modules that a checkpoint of the train stage holds, by file name; the moving average comes beside them."""
    modules: dict[str, nn.Module | None] = {
        "face_pipeline": networks.face_pipeline,
        "discriminator": networks.discriminator,
        "discriminator_encoders": networks.discriminator_encoders,
        "augmentation": networks.augmentation,
        **{f"objective_{name}": objective for name, objective in networks.objectives.items()},
        **{f"penalty_{name}": part for name, (part, _) in networks.penalties.items() if part.state_dict()},
    }
    return {name: module for name, module in modules.items() if module is not None}
