"""BEGAN's losses against numpy, and its balance over twenty steps by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from facegen.core.batch import DataSpec
from facegen.parts.objectives.began import Began

SPEC = DataSpec(2)
RNG = np.random.default_rng(0)
SHAPE = (3, 3, 2, 2)
NAMES = ("real_augmented", "real_reconstruction", "fake_augmented", "fake_reconstruction")


def error(view, reconstruction):
    return np.abs(view - reconstruction).mean()


def test_losses_of_both_networks(agree):
    objective = Began(SPEC)
    objective.k.fill_(0.25)
    arrays = {name: RNG.normal(size=SHAPE) for name in NAMES}
    assert objective.heads == {"reconstruct": 1}
    agree(
        objective.discriminator_terms,
        lambda real_augmented, real_reconstruction, fake_augmented, fake_reconstruction: {
            "real": error(real_augmented, real_reconstruction),
            "fake": -0.25 * error(fake_augmented, fake_reconstruction),
        },
        **arrays,
    )
    agree(
        objective.generator_terms,
        lambda fake_augmented, fake_reconstruction: {"fake": error(fake_augmented, fake_reconstruction)},
        **{name: arrays[name] for name in NAMES[2:]},
    )


def critic_with(real_error, fake_error):
    """Return a critic whose reconstructions have given mean errors."""
    return SimpleNamespace(
        real_augmented=torch.full(SHAPE, real_error),
        fake_augmented=torch.full(SHAPE, fake_error),
        real_reconstruction=torch.zeros(SHAPE),
        fake_reconstruction=torch.zeros(SHAPE),
    )


def test_twenty_steps_of_the_balance():
    objective, k, ends = Began(SPEC, diversity_ratio=0.4, balance_rate=0.5), 0.0, set()
    for step in range(20):
        real, fake = (2.0, 0.1 * RNG.random()) if step < 8 else (0.5, 1.5 * RNG.random())
        diagnostics = objective.diagnostics(critic_with(real, fake))
        assert diagnostics["k"].item() == pytest.approx(k, abs=1e-6)
        assert diagnostics["convergence"].item() == pytest.approx(real + abs(0.4 * real - fake), abs=1e-6)
        objective.update(diagnostics)
        free = k + 0.5 * (0.4 * real - fake)
        k = min(max(free, 0.0), 1.0)
        ends |= {end for end, reached in (("low", free < 0), ("high", free > 1)) if reached}
        assert objective.k.item() == pytest.approx(k, abs=1e-6)
    assert ends == {"low", "high"}, "both ends must be reached for the test to say anything"


def test_balance_is_part_of_the_state():
    objective, resumed = Began(SPEC), Began(SPEC)
    objective.k.fill_(0.375)
    resumed.load_state_dict(load(save(objective.state_dict())))
    assert resumed.k.item() == 0.375
    terms = resumed.discriminator_terms(critic_with(1.0, 2.0))
    assert terms["fake"].item() == -0.75
