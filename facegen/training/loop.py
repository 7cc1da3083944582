"""Loop over the steps of a stage: randomness, logging, checkpoints, interruption, values that are not finite."""

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn
from torch.optim import Optimizer

from facegen.core.batch import Terms
from facegen.core.errors import CheckpointError, TrainingError
from facegen.core.interruption import Interruption
from facegen.core.part_faults import PartFaultError
from facegen.core.progress import Observer
from facegen.core.randomness import seed_torch
from facegen.core.recipe.tables import MatchSettings, TrainSettings
from facegen.core.run_schema import CheckpointState
from facegen.training.distributed import Distributed
from facegen.training.runs.checkpoint import (
    load_module,
    non_finite,
    optimiser_file,
    optimiser_tensors,
    read_state,
    save_checkpoint,
)
from facegen.training.runs.optimiser_state import load_optimiser
from facegen.training.runs.run import Run
from facegen.training.runs.run_logger import RunLogger

SIDES = ("discriminator", "generator")
MAX_NAMED = 5
"""Number of values that are not finite and that an error names."""


class Stage(Protocol):
    """Interface between the loop and a stage of training."""

    name: str
    steps: int
    log_steps: int
    checkpoint_steps: int
    keep_checkpoints: int
    modules: Mapping[str, nn.Module]
    optimisers: Mapping[str, Optimizer]

    @property
    def settings(self) -> MatchSettings | TrainSettings:
        """The stage's table of the recipe."""

    def step(self, step: int) -> Terms:
        """Run one step and return scalars for the log, without a host sync."""

    def after_step(self, done_steps: int) -> None:
        """Run what is due after a number of steps, such as sample grids and the monitor."""


class Interrupted(Exception):  # noqa: N818 (no error: the user asked for it)
    """Training stopped at the user's request: after a step and a checkpoint, or before the first step of a stage.

    Attributes:
        signal_number: of the signal that asked for it, such as SIGINT.
        stage, step: of the newest checkpoint; step 0 if the stage has none yet.
    """

    def __init__(self, signal_number: int, stage: str, step: int) -> None:
        place = f"after {stage} step {step}; a checkpoint is saved" if step else f"before the first step of {stage}"
        super().__init__(f"training stopped {place}")
        self.signal_number, self.stage, self.step = signal_number, stage, step


class _RunningSums:
    """Sums of logged values since the last line of the log, kept on the device and saved with every checkpoint."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._sums: Terms = {}
        self._counts: dict[str, int] = {}

    def add(self, scalars: Terms) -> None:
        for name, scalar in scalars.items():
            value = scalar.detach().float()
            self._sums[name] = self._sums[name] + value if name in self._sums else value
            self._counts[name] = self._counts.get(name, 0) + 1

    def flush(self) -> dict[str, float]:
        """Return the means, and start again from zero."""
        means = {name: float(value) / self._counts[name] for name, value in self._sums.items()}
        self._sums, self._counts = {}, {}
        return means

    def to_json(self) -> dict[str, list[float]]:
        """Convert to {name: [sum, count]}; a float32 is the same number after JSON."""
        return {name: [float(value), self._counts[name]] for name, value in self._sums.items()}

    def restore(self, saved: Mapping[str, tuple[float, int]]) -> None:
        """Restore the sums that `to_json` returned."""
        self._sums = {name: torch.tensor(value, device=self._device) for name, (value, _) in saved.items()}
        self._counts = {name: count for name, (_, count) in saved.items()}


class _StepRate:
    """Steps a second since the last line of the log."""

    def __init__(self, done: int) -> None:
        self._since, self._done = time.monotonic(), done

    def flush(self, done: int) -> float:
        """Return the rate up to a number of steps, and start again from there."""
        now = time.monotonic()
        rate = (done - self._done) / max(now - self._since, 1e-9)
        self._since, self._done = now, done
        return rate


def run_stage(
    stage: Stage,
    run: Run,
    seed: int,
    distributed: Distributed,
    observer: Observer,
    logger: RunLogger,
    interruption: Interruption,
) -> None:
    """Run the steps of a stage, from its newest checkpoint or from the first step.

    The randomness of a step depends on (seed, stage, step, rank) only, so a resumed run repeats an uninterrupted one.

    Args:
        stage: steps, modules and optimisers.
        run: gets checkpoints.
        seed: of the run.
        distributed: this process among all.
        observer: gets the progress.
        logger: gets the means of logged values every `log_steps`.
        interruption: checked after every step.
    Raises:
        CheckpointError: the newest checkpoint is damaged, or was written with another batch size or number of
            processes.
        TrainingError: a logged value or a weight is not finite; the last good checkpoint stays.
        Interrupted: the user asked for it; a checkpoint is saved.
    """
    sums = _RunningSums(distributed.device)
    start = _restore(stage, run, distributed, sums, observer)
    distributed.wait()  # every process must read before one writes
    if distributed.is_main_process:
        logger.stage_started(stage.name, start)
        run.prune_checkpoints(stage.name, stage.keep_checkpoints)  # a killed process may have left older ones
    rate = _StepRate(start)
    observer.start(stage.name, stage.steps, start)
    for step in range(start, stage.steps):
        seed_torch(seed, stage.name, step, distributed.rank)
        done = step + 1
        with _named_step(stage, run, done), observer.section("step"):
            sums.add(stage.step(step))
        last = done == stage.steps
        if done % stage.log_steps and not last:
            observer.advance(done)  # every step: a step may take minutes
        else:
            with observer.section("log"):
                values = sums.flush()
                _check_finite(values, stage, run, done)
                observer.advance(done, progress_values(values))
                logger.step_logged(stage.name, done, values | {"steps_per_second": rate.flush(done)})
        if distributed.is_main_process:
            with _named_step(stage, run, done):
                stage.after_step(done)
        # All processes agree once per step: none stops while others continue; a later signal counts for the next step.
        signal_number = distributed.largest(interruption.signal_number)
        if done % stage.checkpoint_steps == 0 or last or signal_number:
            with observer.section("checkpoint"):
                _save(stage, run, done, distributed, sums, logger)
        if signal_number and not last:
            raise Interrupted(signal_number, stage.name, done)
    observer.finish()


@contextmanager
def _named_step(stage: Stage, run: Run, done: int) -> Iterator[None]:
    """Add the step and the newest checkpoint to the message of a plugin's fault."""
    try:
        yield
    except PartFaultError as fault:
        stopped = f"{stage.name} step {done}: training stopped; {last_good(stage, run)}; --resume goes on from there"
        raise PartFaultError(*fault.problems, stopped) from fault


def last_good(stage: Stage, run: Run) -> str:
    """Say which checkpoint of a stage is the newest."""
    newest = run.newest(stage.name)
    return f"the last good checkpoint is {newest[0]}" if newest else "there was no checkpoint yet"


def progress_values(values: Mapping[str, float]) -> dict[str, float]:
    """Select the values to show beside a progress bar: the loss of each network, or values without a prefix."""
    terms = {side: [value for name, value in values.items() if name.startswith(f"{side}/")] for side in SIDES}
    losses = {side: sum(side_terms) for side, side_terms in terms.items() if side_terms}
    return losses or {name: value for name, value in values.items() if "/" not in name}


def _restore(stage: Stage, run: Run, distributed: Distributed, sums: _RunningSums, observer: Observer) -> int:
    """Load the newest checkpoint of a stage; return its step, 0 without one."""
    newest = run.newest(stage.name)
    if newest is None:
        return 0
    folder, step = newest
    state = read_state(folder)
    _require_same_batches(folder, state, stage, distributed)
    if state.device != distributed.device.type:
        observer.warn(
            f"{folder}: was trained on {state.device} and is resumed on {distributed.device.type}: the result will "
            f"differ bitwise from that of an uninterrupted run"
        )
    for name, module in stage.modules.items():
        load_module(folder, name, module)
    for name, optimiser in stage.optimisers.items():
        load_optimiser(folder, optimiser_file(name), optimiser)
    sums.restore(state.totals)
    return step


def _require_same_batches(folder: Path, state: CheckpointState, stage: Stage, distributed: Distributed) -> None:
    """Refuse a number of processes or a batch size that would change the order of the rows."""
    before, now = state.num_processes, distributed.size
    if before is None:
        raise CheckpointError(
            f"{folder}: holds no optimiser and cannot be resumed; start another run from it with [train] start"
        )
    if before != now:
        raise CheckpointError(
            f"{folder}: was trained by {before} processes, and now there are {now}: the effective batch and the "
            f"order of the rows would change; resume with {_call(before)}, or start another run with --out"
        )
    before, now = state.batch_size, stage.settings.batch_size
    if before != now:
        raise CheckpointError(
            f"{folder}: was trained with [{stage.name}] batch_size = {before}, and the recipe says {now}: the "
            f"effective batch and the order of the rows would change; set {before} again, or start another run with "
            f"--out"
        )


def _call(num_processes: int) -> str:
    alone = "a single process, without torchrun"
    return alone if num_processes == 1 else f"`torchrun --nproc-per-node {num_processes} -m facegen train ...`"


def _save(stage: Stage, run: Run, done: int, distributed: Distributed, sums: _RunningSums, logger: RunLogger) -> None:
    """Write a checkpoint, unless a value in it is not finite."""
    if distributed.is_main_process:
        totals = sums.to_json()
        bad = [name for name, (value, _) in totals.items() if not math.isfinite(value)]
        for name, module in stage.modules.items():
            bad += [f"the weight {name}.{key}" for key in non_finite(module.state_dict())]
        for name, optimiser in stage.optimisers.items():
            bad += [f"the optimiser's value {name}.{key}" for key in non_finite(optimiser_tensors(optimiser))]
        if bad:
            raise TrainingError(_diverged(stage, run, done, ", ".join(bad[:MAX_NAMED])))
        logger.sync()
        optimisers = {optimiser_file(name): optimiser for name, optimiser in stage.optimisers.items()}
        state: dict[str, Any] = {
            "stage": stage.name,
            "step": done,
            "num_processes": distributed.size,
            "batch_size": stage.settings.batch_size,
            "device": distributed.device.type,
            "totals": totals,
        }
        folder = run.checkpoint_folder(stage.name, done)
        save_checkpoint(folder, state, stage.modules, optimisers)
        logger.checkpoint_saved(stage.name, done, folder)
        run.prune_checkpoints(stage.name, stage.keep_checkpoints)
    distributed.wait()


def _check_finite(values: Mapping[str, float], stage: Stage, run: Run, done: int) -> None:
    bad = [name for name, value in values.items() if not math.isfinite(value)]
    if bad:
        raise TrainingError(_diverged(stage, run, done, ", ".join(bad[:MAX_NAMED])))


def _diverged(stage: Stage, run: Run, done: int, names: str) -> str:
    return (
        f"{stage.name} step {done}: {names} is no longer a finite number, so training stopped; "
        f"{last_good(stage, run)}. "
        f"A resumed run would meet the same value, because training is deterministic, unless a setting is changed: a "
        f"lower learning rate, a weight of a penalty such as penalty.0.r1_gamma, or run.precision: facegen train "
        f"{run.path} --resume --set {_lower_rate(stage)}"
    )


def _lower_rate(stage: Stage) -> str:
    """Return an override of --set that halves the learning rate of a stage."""
    settings = stage.settings
    if isinstance(settings, MatchSettings):
        return f"match.learning_rate={settings.learning_rate / 2:g}"
    return f"train.generator.learning_rate={settings.generator.learning_rate / 2:g}"
