"""Memory of a training, compared with the machine's before anything of its size is allocated."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import torch
from torch import nn

from facegen.core.errors import RecipeError
from facegen.core.interfaces import Dataset
from facegen.core.recipe.part_config import Recipe
from facegen.training.build import Networks
from facegen.training.check.costs import StageCost, estimate_costs
from facegen.training.distributed import Distributed

BF16_SHARE = 0.5
"""Least share of the estimate, which is for fp32, that a training in bf16 takes."""
SMALL_BATCH, SMALL_NETWORKS = 2**20, 2**26
"""Numbers of values in a batch, and of weights, below which no machine's memory is too small."""
CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Limits of a container's memory, of versions 2 and 1 of control groups."""


def memory_problems(recipe: Recipe, costs: Iterable[StageCost], distributed: Distributed) -> list[str]:
    """List the stages that need more memory than the machine or the GPU has in all; unknown needs pass.

    Args:
        recipe: its precision decides how much of the estimate is certain.
        costs: of its stages, as `estimate_costs` returns them.
        distributed: its device; processes on GPUs share a batch.
    """
    on_gpu, precision = distributed.device.type == "cuda", recipe.run.precision
    available = memory_bytes(distributed.device)
    share = BF16_SHARE if precision == "bf16" or (precision == "auto" and on_gpu) else 1.0
    share /= distributed.size if on_gpu else 1
    place = "the GPU" if on_gpu else "this machine"
    return [
        f"{recipe.source}: [{cost.name}] batch_size = {cost.batch_size}: a step needs about {_gib(needed)} of memory, "
        f"and {place} has {_gib(available)}; set a smaller [{cost.name}] batch_size or [data] image_pixels, or use "
        f"--preset small"
        for cost in costs
        if available is not None and cost.memory_bytes is not None and (needed := share * cost.memory_bytes) > available
    ]


def require_memory(
    recipe: Recipe, networks: Networks, dataset: Dataset, distributed: Distributed, *, only_match: bool = False
) -> None:
    """Refuse a training that needs more memory than there is; small ones are not estimated, which takes some time.

    Args:
        recipe, dataset: of the training.
        networks: on the meta device, as `dry_run` returns them.
        distributed: this process among all.
        only_match: the train stage is not trained.
    Raises:
        RecipeError: names every such stage, with the numbers.
    """
    spec = dataset.spec
    stages = [config.engine for config in recipe.configs["matcher"]] + ([recipe.train] if recipe.train else [])
    num_values = (spec.image_pixels**2 + spec.speech_samples) * max((stage.batch_size for stage in stages), default=0)
    parts: tuple[nn.Module | None, ...] = (
        networks.encoders, networks.face_pipeline, networks.discriminator, networks.matcher
    )  # fmt: skip
    num_weights = sum(weight.numel() for part in parts if part is not None for weight in part.parameters())
    if num_values < SMALL_BATCH and num_weights < SMALL_NETWORKS:
        return
    costs = [cost for cost in estimate_costs(recipe, networks, dataset) if not only_match or cost.name == "match"]
    problems = memory_problems(recipe, costs, distributed)
    if problems:
        raise RecipeError(*problems)


def memory_bytes(device: torch.device) -> int | None:
    """Return the memory of a GPU, or that of the machine within the limit of its container; None if it is unknown."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    sizes = []
    with suppress(OSError, ValueError, AttributeError):  # not every system has these names
        sizes.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for path in CGROUP_LIMITS:
        with suppress(OSError, ValueError):  # "max" is no number
            sizes.append(int(path.read_text()))
    return min(sizes, default=None)


def _gib(num_bytes: float) -> str:
    return f"{num_bytes / 2**30:,.1f} GiB"
