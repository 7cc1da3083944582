"""Cost estimate of a recipe: count the operations of its training steps on the meta device."""

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facegen.core.batch import Batch
from facegen.core.interfaces import Dataset
from facegen.core.part_faults import PartFaultError
from facegen.core.recipe.part_config import Recipe
from facegen.core.recipe.tables import MatchSettings, TrainSettings
from facegen.data.loading.rows import inputs_are_fixed
from facegen.training.build import Networks
from facegen.training.check.cost_meter import CostMeter
from facegen.training.check.dry_run import blank_batch, dry_gan_step, dry_match_step, needs_values
from facegen.training.encodings import num_rows_read
from facegen.training.gan import GanStep
from facegen.training.gan_stage import gan_modules
from facegen.training.match import match_modules

REACHED_SHARE = 0.5
"""Share of a lone convolution's rate that whole steps reach: 0.50 and 0.61 in the stages of the small preset on two
CPU cores (ours)."""
BYTES_PER_WEIGHT = 4
BYTES_PER_TRAINED_WEIGHT = 16
"""A float32 weight, its gradient and Adam's two moments."""

Calls = list[tuple[float, Callable[[], object]]]
"""Calls of a step, each with its average number per training step."""


@dataclass(frozen=True)
class StageCost:
    """Cost of one stage.

    Attributes:
        name: of the stage.
        steps, batch_size: from the recipe.
        num_weights: weights that the stage trains.
        step_flops: floating-point operations of a step, with extra discriminator steps, and with penalties by their
            interval; None where a part reads values, so that its step cannot be counted without data.
        memory_bytes: weights, optimiser, moving average, and the most that backward passes keep; None likewise.
    """

    name: str
    steps: int
    batch_size: int
    num_weights: int
    step_flops: float | None
    memory_bytes: float | None

    def seconds(self, flops_per_second: float) -> float | None:
        """Compute the duration of the whole stage at a rate."""
        step_seconds = self.step_seconds(flops_per_second)
        return None if step_seconds is None else self.steps * step_seconds

    def step_seconds(self, flops_per_second: float) -> float | None:
        """Compute the duration of a step at a rate."""
        return None if self.step_flops is None else self.step_flops / (REACHED_SHARE * flops_per_second)


def estimate_costs(recipe: Recipe, networks: Networks, dataset: Dataset) -> list[StageCost]:
    """Count the cost of every stage that a recipe trains.

    Args:
        recipe: checked.
        networks: on the meta device, as `dry_run` returns them.
        dataset: the corpus; it decides whether encodings of frozen conditioners are cached.
    """
    costs = []
    clips = dataset.clips("train")
    fixed = inputs_are_fixed(recipe.config("dataset").engine, clips, networks.encoders.needs)

    def cached(settings: MatchSettings | TrainSettings) -> bool:
        return fixed and num_rows_read(settings) >= len(clips)

    matcher = recipe.optional_config("matcher")
    with torch.device("meta"):
        if matcher is not None and matcher.engine.run is None:
            costs.append(_match_cost(matcher.engine, networks, dataset, cached(matcher.engine)))
        if recipe.train is not None and networks.face_pipeline is not None:
            costs.append(_train_cost(recipe.train, networks, dataset, cached(recipe.train)))
    return costs


def _match_cost(settings: MatchSettings, networks: Networks, dataset: Dataset, cached: bool) -> StageCost:
    step = dry_match_step(settings, networks)
    batch = blank_batch(dataset.spec, settings.batch_size, step.matcher.num_mismatched)
    encoding = networks.encoders(batch).detach() if cached and networks.encoders.is_frozen else None
    calls: Calls = [(1.0, partial(step, batch, encoding))]
    return _cost("match", settings, match_modules(networks), step.weights, calls)


def _train_cost(settings: TrainSettings, networks: Networks, dataset: Dataset, cached: bool) -> StageCost:
    step = dry_gan_step(settings, networks, dataset.spec)
    pipeline = step.face_pipeline
    batch = blank_batch(dataset.spec, settings.batch_size, networks.num_mismatched)
    encoding = pipeline.encode(batch).detach() if cached and pipeline.is_frozen else None
    modules = gan_modules(networks)
    ema_bytes = BYTES_PER_WEIGHT * sum(weight.numel() for weight in pipeline.parameters())
    learning = [weight for weights in step.weights.values() for weight in weights]
    return _cost("train", settings, modules, learning, _train_calls(step, settings, batch, encoding), ema_bytes)


def _train_calls(step: GanStep, settings: TrainSettings, batch: Batch, encoding: Tensor | None) -> Calls:
    """List the calls of a train step, one per set of penalties that are due together, with their frequency."""
    intervals = [every_steps for _, every_steps in step.networks.penalties.values()]
    period = min(math.lcm(*intervals), settings.steps * settings.critic_steps)
    number_of = {frozenset(step.due_penalties(number)): number for number in range(period)}
    frequency = Counter(frozenset(step.due_penalties(number)) for number in range(period))
    calls: Calls = []
    for due, number in number_of.items():
        share, extra_steps = frequency[due] / period, settings.critic_steps - 1
        calls.append((share, partial(step, batch, encoding, number)))
        if extra_steps:
            extra = partial(step.extra_discriminator_step, batch, encoding, number)
            calls.append((share * extra_steps, extra))
    return calls


def _cost(
    name: str,
    settings: MatchSettings | TrainSettings,
    modules: Mapping[str, nn.Module],
    learning: list[nn.Parameter],
    calls: Calls,
    ema_bytes: int = 0,
) -> StageCost:
    weights = {id(weight): weight for module in modules.values() for weight in module.parameters()}
    buffers = [buffer for module in modules.values() for buffer in module.buffers()]
    num_learning = sum(weight.numel() for weight in learning)
    num_fixed = sum(weight.numel() for weight in weights.values()) - num_learning
    stored_bytes = BYTES_PER_TRAINED_WEIGHT * num_learning + BYTES_PER_WEIGHT * num_fixed + ema_bytes
    flops, peak_bytes = _count(calls, [*weights.values(), *buffers])
    memory_bytes = None if peak_bytes is None else float(stored_bytes + peak_bytes)
    return StageCost(name, settings.steps, settings.batch_size, num_learning, flops, memory_bytes)


def _count(calls: Calls, stored: list[Tensor]) -> tuple[float | None, int | None]:
    """Count the operations of all calls and the largest memory of one; None if a call reads values of tensors."""
    flops, peak_bytes = 0.0, 0
    for frequency, call in calls:
        meter = CostMeter(stored)
        try:
            with meter:
                call()
        except (RuntimeError, PartFaultError) as error:
            if needs_values(error):
                return None, None
            raise
        flops += frequency * meter.flops
        peak_bytes = max(peak_bytes, meter.peak_bytes)
    return flops, peak_bytes


def measure_rate(device: torch.device, seconds: float = 0.2) -> float:
    """Measure the floating-point operations a second of a middling convolution, forward and backward."""
    faces = torch.randn(32, 64, 32, 32, device=device).to(memory_format=torch.channels_last).requires_grad_()
    weight = torch.randn(64, 64, 3, 3, device=device, requires_grad=True)

    def once() -> None:
        F.conv2d(faces, weight, padding=1).sum().backward()
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    once()
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        once()
        count += 1
    return 3 * 2 * 32 * 32 * 32 * 64 * 64 * 9 * count / (time.perf_counter() - start)
