"""Measurement of a training: a few real steps of each stage in a temporary run, with all that happens around them."""

import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from facegen.core.cache import RENDERED_BYTES
from facegen.core.interfaces import Dataset
from facegen.core.interruption import Interruption
from facegen.core.progress import Observer
from facegen.core.recipe.part_config import Recipe
from facegen.core.recipe.tables import MatchSettings, TrainSettings
from facegen.data.loading.resident import is_rendered_already, resident_bytes
from facegen.data.loading.rows import inputs_are_fixed
from facegen.training.build import Networks, build_networks
from facegen.training.check.clip_sample import ClipSample
from facegen.training.check.stopwatch import Stopwatch
from facegen.training.check.unit_costs import START, StageForecast, stage_costs, stage_counts
from facegen.training.distributed import Distributed
from facegen.training.encodings import num_rows_read
from facegen.training.fitting import MAX_ROWS as FITTED_ROWS
from facegen.training.runs.conditions import MAX_ROWS as CONDITION_ROWS
from facegen.training.runs.earlier_runs import find_draft
from facegen.training.runs.run import Run
from facegen.training.trainer import Trainer

WARM_UP_STEPS, TIMED_STEPS = 1, 3
LEAST_CLIPS = 32
ENCODING_COPIES = 3
"""Copies of all encodings while they are computed and sorted."""
Settings = MatchSettings | TrainSettings


@dataclass(frozen=True)
class _Measured:
    """Durations of a shortened stage by kind of work, its total time in seconds, and its memory in bytes."""

    watch: Stopwatch
    seconds: float
    memory_bytes: int


def measure_stages(
    recipe: Recipe, dataset: Dataset, distributed: Distributed, observer: Observer, *, only_match: bool = False
) -> list[StageForecast]:
    """Measure every stage that a recipe trains: one step to warm up and three more, on a sample of the corpus.

    Args:
        recipe: checked.
        dataset: its corpus.
        distributed: the device.
        observer: progress of the command.
        only_match: measure the match stage alone.
    """
    settings = _settings_of(recipe)
    if only_match:
        settings.pop("train", None)
    if not settings:
        return []
    cached = {name: _encodes_once(recipe, dataset, stage) for name, stage in settings.items()}
    short = _shortened(recipe, dataset)
    sample = ClipSample(dataset, _num_sampled(settings, cached, _settings_of(short)), _needs(recipe, dataset))
    stages: list[StageForecast] = []
    with TemporaryDirectory() as folder:
        started = time.perf_counter()
        run = Run.create(Path(folder) / "run", recipe, dataset.spec)
        run = replace(run, recipe=short)
        networks = build_networks(short, dataset.spec, find_draft(recipe, dataset.spec))
        trainer = Trainer(run, sample, networks, distributed, observer, Interruption())
        trainer.logger.run_started()
        begin_seconds = time.perf_counter() - started
        calls: dict[str, Callable[[], None]] = {"match": trainer.match, "train": trainer.train_gan}
        for name, stage in settings.items():
            measured = _measure(trainer, calls[name], observer, distributed.device)
            unit_seconds = _unit_seconds(measured, recipe)
            unit_seconds[START] += 0.0 if stages else begin_seconds
            counts = stage_counts(stage, 0)
            counts |= _corpus_counts(measured, dataset, sample, networks, cached[name])
            extra = _corpus_bytes(recipe, dataset, sample, networks, measured)
            stages.append(StageForecast(name, stage_costs(counts, unit_seconds), measured.memory_bytes + extra))
        trainer.logger.run_ended("finished")
    return stages


def _settings_of(recipe: Recipe) -> dict[str, Settings]:
    """Return the stages that a recipe trains."""
    matcher = recipe.optional_config("matcher")
    stages: dict[str, Settings] = {}
    if matcher is not None and matcher.engine.run is None:
        stages["match"] = matcher.engine
    return stages if recipe.train is None else {**stages, "train": recipe.train}


def _shortened(recipe: Recipe, dataset: Dataset) -> Recipe:
    """Return a recipe whose stages have a few steps, in which everything that recurs happens at least twice.

    Penalties that are computed every n steps are computed every other step. A split that is not held in memory is read
    from the corpus here, too. Nothing is taken from earlier runs.
    """
    is_lazy = any(config.engine.every_steps > 1 for config in recipe.configs["penalty"])
    steps = (WARM_UP_STEPS + TIMED_STEPS) * (2 if is_lazy else 1)
    common = {"steps": steps, "log_steps": 1, "checkpoint_steps": steps // 2, "start": None}
    changes: dict[str, dict[str, object]] = {
        "matcher": {**common, "freeze_faces": False},
        "penalty": {"every_steps": 2},
        "dataset": {} if _is_resident(recipe, dataset) else {"resident_gib": 0.0},
    }
    configs = dict(recipe.configs)
    for kind, update in changes.items():
        configs[kind] = tuple(
            config if kind == "penalty" and config.engine.every_steps == 1
            else replace(config, engine=config.engine.model_copy(update=update))
            for config in configs[kind]
        )  # fmt: skip
    often = {"sample_steps": steps // 2, "monitor_steps": steps // 2}
    train = None if recipe.train is None else recipe.train.model_copy(update={**common, **often})
    return replace(recipe, configs=configs, train=train, earlier={})


def _num_sampled(settings: Mapping[str, Settings], cached: Mapping[str, bool], short: Mapping[str, Settings]) -> int:
    """Choose a size of the sample with which encodings are computed once if and only if the training does so."""
    if all(cached.values()):
        return max(LEAST_CLIPS, *(stage.batch_size for stage in settings.values()))
    return max(LEAST_CLIPS, *(num_rows_read(short[name]) + 1 for name in settings))


def _measure(trainer: Trainer, call: Callable[[], None], observer: Observer, device: torch.device) -> _Measured:
    watch = Stopwatch(observer, device)
    trainer.observer = watch
    started = watch.now()
    call()
    return _Measured(watch, watch.now() - started, _peak_bytes(device))


def _unit_seconds(measured: _Measured, recipe: Recipe) -> dict[str, float]:
    """Compute the duration of each kind of work; what is left of the whole, first calls included, is the start."""
    sections, phases = measured.watch.sections, measured.watch.phases
    units = {name: statistics.median(durations[1:] or durations) for name, durations in sections.items()}
    steps, shares = sections["step"], _lazy_share(recipe)
    if shares is not None and len(steps) > WARM_UP_STEPS + TIMED_STEPS:
        due, plain = (statistics.median(steps[first::2]) for first in (2, 3))
        units["step"] = plain + shares * (due - plain)
    units |= {name: seconds / max(num_units, 1) for name, (num_units, seconds) in phases.items()}
    usual = sum(units[name] * len(durations) for name, durations in sections.items())
    usual += sum(seconds for _, seconds in phases.values())
    return {**units, START: max(measured.seconds - usual, 0.0)}


def _lazy_share(recipe: Recipe) -> float | None:
    """Return the share of steps in which penalties with an interval are computed; None without such penalties."""
    intervals = [config.engine.every_steps for config in recipe.configs["penalty"] if config.engine.every_steps > 1]
    return statistics.mean(1 / interval for interval in intervals) if intervals else None


def _corpus_counts(
    measured: _Measured, dataset: Dataset, sample: Dataset, networks: Networks, cached: bool
) -> dict[str, float]:
    """Count the work that follows the size of the corpus."""
    clips, sampled = dataset.clips("train"), sample.clips("train")
    counts: dict[str, float] = {}
    for name, (units, _) in measured.watch.phases.items():
        num_clips = len(clips) if cached or name != "encode" else min(len(clips), FITTED_ROWS)
        counts[name] = units * num_clips / len(sampled)
        if name.startswith("load") and is_rendered_already(dataset, clips, _needs_of(networks)):
            counts[name] = 0.0
    rows = [min(len(split), CONDITION_ROWS) for split in (clips, sampled)]
    return {**counts, "conditions": rows[0] / rows[1] if "conditions" in measured.watch.sections else 0.0}


def _corpus_bytes(recipe: Recipe, dataset: Dataset, sample: Dataset, networks: Networks, measured: _Measured) -> float:
    """Compute the memory that the whole corpus takes beyond the sample."""
    clips, sampled, needs = dataset.clips("train"), sample.clips("train"), _needs_of(networks)
    extra = 0.0
    if _is_resident(recipe, dataset):
        whole = resident_bytes(dataset, clips, needs)
        extra += whole - resident_bytes(sample, sampled, needs)
        if dataset.is_rendered and whole <= RENDERED_BYTES // 4 and not is_rendered_already(dataset, clips, needs):
            extra += whole  # a copy, while it is written to the cache
    if "encode" in measured.watch.phases:
        extra += ENCODING_COPIES * 4 * networks.encoders.condition_dim * (len(clips) - len(sampled))
    return extra


def _is_resident(recipe: Recipe, dataset: Dataset) -> bool:
    limit = recipe.config("dataset").engine.resident_gib * 2**30
    return resident_bytes(dataset, dataset.clips("train"), _needs(recipe, dataset)) <= limit


def _encodes_once(recipe: Recipe, dataset: Dataset, settings: Settings) -> bool:
    clips = dataset.clips("train")
    fixed = inputs_are_fixed(recipe.config("dataset").engine, clips, _needs(recipe, dataset))
    return fixed and num_rows_read(settings) >= len(clips)


def _needs(recipe: Recipe, dataset: Dataset) -> frozenset[str]:
    with torch.device("meta"):
        return _needs_of(build_networks(recipe, dataset.spec, find_draft(recipe, dataset.spec)))


def _needs_of(networks: Networks) -> frozenset[str]:
    pipeline = networks.face_pipeline
    return networks.encoders.needs if pipeline is None else pipeline.needs


def _peak_bytes(device: torch.device) -> int:
    """Return the largest memory so far, of the GPU or of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device)
    if sys.platform == "win32":
        return 0
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
