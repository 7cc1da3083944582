"""The loop that every stage of training shares: randomness, logging, checkpoints, interruption, divergence."""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from facegen.core.batch import Terms
from facegen.core.errors import CheckpointError, TrainingError
from facegen.core.interruption import Interruption
from facegen.core.progress import Observer
from facegen.core.randomness import derived_seed
from facegen.core.recipe.tables import MatchSettings, TrainSettings
from facegen.training.distributed import Distributed
from facegen.training.runs.checkpoint import (
    load_module,
    load_optimiser,
    non_finite,
    optimiser_tensors,
    read_state,
    save_checkpoint,
)
from facegen.training.runs.logger import RunLogger
from facegen.training.runs.run import Run

SIDES = ("discriminator", "generator")
MAX_NAMED = 5
"""So many values are named that are no longer finite."""


class Stage(Protocol):
    """One stage of training, as the loop sees it."""

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
        """Do one step and return what to log; without a host sync."""

    def after_step(self, done_steps: int) -> None:
        """Pictures, monitors: whatever falls due once so many steps are done."""


class Interrupted(Exception):  # noqa: N818 (nothing went wrong)
    """The run was saved and stopped on request."""

    def __init__(self, signal_number: int, stage: str, step: int) -> None:
        super().__init__(f"stopped after {stage} step {step}, which is saved")
        self.signal_number, self.stage, self.step = signal_number, stage, step


class _Totals:
    """Sums of measures since the last line of the log, kept on the device, and saved with every checkpoint."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._sums: Terms = {}
        self._counts: dict[str, int] = {}

    def add(self, measures: Terms) -> None:
        for name, measure in measures.items():
            value = measure.detach().float()
            self._sums[name] = self._sums[name] + value if name in self._sums else value
            self._counts[name] = self._counts.get(name, 0) + 1

    def flush(self) -> dict[str, float]:
        means = {name: float(value) / self._counts[name] for name, value in self._sums.items()}
        self._sums, self._counts = {}, {}
        return means

    def to_json(self) -> dict[str, list[float]]:
        """{name: [sum, count]}; a float32 is the same number after JSON."""
        return {name: [float(value), self._counts[name]] for name, value in self._sums.items()}

    def restore(self, saved: Mapping[str, list[float]]) -> None:
        """Take up the sums that `to_json` gave."""
        self._sums = {name: torch.tensor(value, device=self._device) for name, (value, _) in saved.items()}
        self._counts = {name: int(count) for name, (_, count) in saved.items()}


def run_stage(
    stage: Stage,
    run: Run,
    seed: int,
    distributed: Distributed,
    observer: Observer,
    logger: RunLogger,
    interruption: Interruption,
) -> None:
    """Take a stage from its newest checkpoint, or from the start, to its end.

    Each step's randomness depends on (seed, stage, step, rank) alone, so a resumed run repeats an unbroken one.

    Raises:
        TrainingError: a measure or a weight is no longer finite; the last good checkpoint stays.
        Interrupted: somebody asked for it; everything is saved.
    """
    totals = _Totals(distributed.device)
    start = _restore(stage, run, distributed, totals, observer)
    distributed.wait()  # all have read before one writes
    if distributed.is_main_process:
        logger.begin(stage.name, start)
        run.forget_old(stage.name, stage.keep_checkpoints)  # a killed process may not have come to it
    since, since_step = time.monotonic(), start
    observer.start(stage.name, stage.steps, start)
    for step in range(start, stage.steps):
        torch.manual_seed(derived_seed(seed, stage.name, step, distributed.rank))
        totals.add(stage.step(step))
        done = step + 1
        last = done == stage.steps
        if done % stage.log_steps == 0 or last:
            values = totals.flush()
            _check_finite(values, stage, run, done)
            observer.advance(done, headline(values))
            values["steps_per_second"] = (done - since_step) / max(time.monotonic() - since, 1e-9)
            since, since_step = time.monotonic(), done
            logger.log(stage.name, done, values)
        if distributed.is_main_process:
            stage.after_step(done)
        # Asked once a step and of all: nobody stops while others go on, and a later request is for the next step.
        signal_number = distributed.largest(interruption.signal_number)
        if done % stage.checkpoint_steps == 0 or last or signal_number:
            _save(stage, run, done, distributed, totals, logger)
        if signal_number and not last:
            raise Interrupted(signal_number, stage.name, done)
    observer.finish()


def headline(values: Mapping[str, float]) -> dict[str, float]:
    """The few numbers that are worth a place beside a progress bar: each network's loss, or plain measures."""
    sides = {side: [value for name, value in values.items() if name.startswith(f"{side}/")] for side in SIDES}
    losses = {side: sum(found) for side, found in sides.items() if found}
    return losses or {name: value for name, value in values.items() if "/" not in name}


def _restore(stage: Stage, run: Run, distributed: Distributed, totals: _Totals, observer: Observer) -> int:
    newest = run.newest(stage.name)
    if newest is None:
        return 0
    folder, step = newest
    state = read_state(folder)
    _require_same_batches(folder, state, stage, distributed)
    if state["device"] != distributed.device.type:
        observer.warn(
            f"{folder}: was trained on {state['device']} and is resumed on {distributed.device.type}: the result is "
            f"not bitwise that of an unbroken run"
        )
    for name, module in stage.modules.items():
        load_module(folder, name, module)
    for name, optimiser in stage.optimisers.items():
        load_optimiser(folder, f"{name}_optimiser", optimiser)
    totals.restore(state["totals"])
    return step


def _require_same_batches(folder: Path, state: Mapping[str, Any], stage: Stage, distributed: Distributed) -> None:
    """Refuse what would change the order of the rows and the effective batch from here on."""
    before, now = int(state["num_processes"]), distributed.size
    if before != now:
        raise CheckpointError(
            f"{folder}: was trained by {before} processes, and now there are {now}: the effective batch and the "
            f"order of the rows would change; go on with {_call(before)}, or begin another run with --out"
        )
    before, now = int(state["batch_size"]), stage.settings.batch_size
    if before != now:
        raise CheckpointError(
            f"{folder}: was trained with [{stage.name}] batch_size = {before}, and the recipe says {now}: the "
            f"effective batch and the order of the rows would change; set {before} again, or begin another run with "
            f"--out"
        )


def _call(num_processes: int) -> str:
    alone = "a single process, without torchrun"
    return alone if num_processes == 1 else f"`torchrun --nproc-per-node {num_processes} -m facegen train ...`"


def _save(stage: Stage, run: Run, done: int, distributed: Distributed, totals: _Totals, logger: RunLogger) -> None:
    if distributed.is_main_process:
        sums = totals.to_json()
        bad = [name for name, (value, _) in sums.items() if not math.isfinite(value)]
        for name, module in stage.modules.items():
            bad += [f"the weight {name}.{key}" for key in non_finite(module.state_dict())]
        for name, optimiser in stage.optimisers.items():
            bad += [f"the optimiser's value {name}.{key}" for key in non_finite(optimiser_tensors(optimiser))]
        if bad:
            raise TrainingError(_diverged(stage, run, done, ", ".join(bad[:MAX_NAMED])))
        logger.flush()
        optimisers = {f"{name}_optimiser": optimiser for name, optimiser in stage.optimisers.items()}
        state: dict[str, Any] = {
            "stage": stage.name,
            "step": done,
            "num_processes": distributed.size,
            "batch_size": stage.settings.batch_size,
            "device": distributed.device.type,
            "totals": sums,
        }
        save_checkpoint(run.checkpoint_folder(stage.name, done), state, stage.modules, optimisers)
        run.forget_old(stage.name, stage.keep_checkpoints)
    distributed.wait()


def _check_finite(values: Mapping[str, float], stage: Stage, run: Run, done: int) -> None:
    bad = [name for name, value in values.items() if not math.isfinite(value)]
    if bad:
        raise TrainingError(_diverged(stage, run, done, ", ".join(bad[:MAX_NAMED])))


def _diverged(stage: Stage, run: Run, done: int, what: str) -> str:
    newest = run.newest(stage.name)
    kept = f"the last good checkpoint is {newest[0]}" if newest else "there was no checkpoint yet"
    return (
        f"{stage.name} step {done}: {what} is no longer a finite number, so training stopped; {kept}. "
        f"Try a lower learning rate, a stronger r1_gamma, or run.precision = 'fp32'"
    )


def cosine(start: float, end: float, step: int, steps: int, warmup_steps: int = 0) -> float:
    """A learning rate that rises over the warm-up and then falls along half a cosine."""
    if step < warmup_steps:
        return start * (step + 1) / warmup_steps
    share = (step - warmup_steps) / max(steps - warmup_steps, 1)
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


def set_learning_rate(optimiser: Optimizer, value: float) -> None:
    """Give every group of an optimiser a learning rate."""
    for group in optimiser.param_groups:
        group["lr"] = value


def weighted_sum(terms: Terms) -> Tensor:
    """The loss: the sum of named, already weighted terms."""
    return torch.stack([term.float() for term in terms.values()]).sum()
