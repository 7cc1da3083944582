"""The Wasserstein loss: differences of means."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from facegen.core.batch import DataSpec
from facegen.core.errors import RecipeError
from facegen.core.recipe.schedule import Ramp, advance_schedules
from facegen.parts.objectives.wasserstein import Wasserstein

SPEC = DataSpec(16)
REAL, FAKE, MISMATCHED = np.random.default_rng(0).normal(size=(3, 5))


def test_both_networks_by_hand(agree):
    objective = Wasserstein(SPEC)
    assert (objective.heads, objective.num_mismatched) == ({"score": 1}, 0)
    agree(
        objective.discriminator_terms,
        lambda real, fake: {"real": -real.mean(), "fake": fake.mean()},
        real=REAL,
        fake=FAKE,
    )
    agree(objective.generator_terms, lambda fake: {"fake": -fake.mean()}, fake=FAKE)


def test_mismatched_pairs_share_the_weight_of_the_fakes(agree):
    objective = Wasserstein(SPEC, mismatched_weight=0.25)
    assert objective.num_mismatched == 1
    agree(
        objective.discriminator_terms,
        lambda real, fake, mismatched: {
            "real": -real.mean(),
            "fake": 0.75 * fake.mean(),
            "mismatched": 0.25 * mismatched.mean(),
        },
        real=REAL,
        fake=FAKE,
        mismatched=MISMATCHED,
    )


@pytest.mark.parametrize(("step", "share"), [(0, 0.0), (4, 0.2), (10, 0.5)])
def test_mismatched_share_may_ramp_from_zero(agree, step, share):
    objective = Wasserstein(SPEC, mismatched_weight=Ramp(start=0.0, end=0.5, steps=10))
    assert objective.num_mismatched == 1
    advance_schedules(objective, step, 100)
    agree(
        objective.discriminator_terms,
        lambda real, fake, mismatched: {
            "real": -real.mean(),
            "fake": (1 - share) * fake.mean(),
            "mismatched": share * mismatched.mean(),
        },
        real=REAL,
        fake=FAKE,
        mismatched=MISMATCHED,
    )


def test_wasserstein_reads_the_unconditional_score(agree):
    objective = Wasserstein(SPEC, head="unconditional")
    assert objective.heads == {"score_unconditional": 1}
    agree(
        objective.discriminator_terms,
        lambda real_unconditional, fake_unconditional: {
            "real": -real_unconditional.mean(),
            "fake": fake_unconditional.mean(),
        },
        real_unconditional=REAL,
        fake_unconditional=FAKE,
    )
    with pytest.raises(RecipeError, match=r"wasserstein: mismatched_weight = 0\.5"):
        Wasserstein(SPEC, head="unconditional", mismatched_weight=0.5)


def test_distance_is_the_negative_discriminator_loss():
    critic = SimpleNamespace(real=torch.tensor(REAL), fake=torch.tensor(FAKE))
    objective = Wasserstein(SPEC)
    gained = -sum(term.item() for term in objective.discriminator_terms(critic).values())
    assert objective.diagnostics(critic)["distance"].item() == pytest.approx(REAL.mean() - FAKE.mean())
    assert gained == pytest.approx(REAL.mean() - FAKE.mean())
