"""Optimisers, learning rates and precision from the recipe's tables."""

import math
from collections.abc import Iterable

import torch
from torch import nn
from torch.optim import SGD, AdamW, Optimizer, RMSprop

from facegen.core.recipe.tables import MatchSettings, OptimiserSettings

FINAL_SHARE = 0.01
"""Learning rate at the end of the match stage, as a share of the highest."""


def build_optimiser(settings: OptimiserSettings, weights: Iterable[nn.Parameter]) -> Optimizer:
    """Build the optimiser of one network of the train stage."""
    if settings.optimiser == "rmsprop":
        return RMSprop(weights, settings.learning_rate, alpha=settings.beta2, weight_decay=settings.weight_decay)
    betas = (settings.beta1, settings.beta2)
    return AdamW(weights, settings.learning_rate, betas, eps=1e-8, weight_decay=settings.weight_decay, fused=True)


def learning_rate(settings: OptimiserSettings, step: int, steps: int) -> float:
    """Compute the learning rate of a step: constant, along half a cosine, or halved at a fixed interval."""
    start, end = settings.learning_rate, settings.learning_rate_end
    if settings.halve_every_steps is not None:
        return max(start * 0.5 ** (step // settings.halve_every_steps), end or 0.0)
    return start if end is None else cosine(start, end, step, steps)


def match_learning_rate(settings: MatchSettings, step: int) -> float:
    """Compute the learning rate of a step of the match stage: a warm-up, then half a cosine."""
    end = settings.learning_rate * FINAL_SHARE
    return cosine(settings.learning_rate, end, step, settings.steps, settings.warmup_steps)


def cosine(start: float, end: float, step: int, steps: int, warmup_steps: int = 0) -> float:
    """Compute a learning rate that rises linearly during the warm-up and then falls along half a cosine."""
    if step < warmup_steps:
        return start * (step + 1) / warmup_steps
    share = (step - warmup_steps) / max(steps - warmup_steps, 1)
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


def set_learning_rate(optimiser: Optimizer, value: float) -> None:
    """Set the learning rate of every group of an optimiser."""
    for group in optimiser.param_groups:
        group["lr"] = value


def build_match_optimiser(settings: MatchSettings, weights: Iterable[nn.Parameter]) -> Optimizer:
    """Build the optimiser of the match stage; vectors (biases, norms, slopes) have no weight decay."""
    every = list(weights)
    groups = [
        {"params": [weight for weight in every if weight.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [weight for weight in every if weight.ndim <= 1], "weight_decay": 0.0},
    ]
    if settings.optimiser == "sgd":
        return SGD(groups, settings.learning_rate, momentum=0.9, fused=True)
    return AdamW(groups, settings.learning_rate, (0.9, 0.99), fused=True)


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Return the context of forward passes: bf16 where the recipe asks for it, or by default on a GPU that has it."""
    on_gpu = device.type == "cuda" and torch.cuda.is_bf16_supported()
    enabled = precision == "bf16" or (precision == "auto" and on_gpu)
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled)


def set_convolution_precision(precision: str) -> None:
    """Let convolutions of float32 on a GPU round to TF32, unless the recipe asks for fp32; choose the fastest kernels.

    Products of matrices keep float32: scores and embeddings need it.
    """
    torch.backends.cudnn.allow_tf32 = precision != "fp32"
    torch.backends.cudnn.benchmark = True  # the shapes of training do not change
