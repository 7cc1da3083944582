"""The cross-entropies against logarithms of sigmoids in numpy."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from facegen.core.batch import DataSpec
from facegen.core.errors import RecipeError
from facegen.core.recipe.schedule import Ramp, advance_schedules
from facegen.parts.objectives.non_saturating import NonSaturating

SPEC = DataSpec(16)
REAL, FAKE, MISMATCHED = np.random.default_rng(0).normal(size=(3, 5))


def bce(score, target):
    probability = 1 / (1 + np.exp(-score))
    return -np.mean(target * np.log(probability) + (1 - target) * np.log(1 - probability))


@pytest.mark.parametrize("real_target", [1.0, 0.9])
def test_both_networks_by_hand(agree, real_target):
    objective = NonSaturating(SPEC, real_target=real_target)
    assert (objective.heads, objective.num_mismatched) == ({"score": 1}, 0)
    agree(
        objective.discriminator_terms,
        lambda real, fake: {"real": bce(real, real_target), "fake": bce(fake, 0)},
        real=REAL,
        fake=FAKE,
    )
    agree(objective.generator_terms, lambda fake: {"fake": bce(fake, 1)}, fake=FAKE)


def test_mismatched_pairs_share_the_weight_of_the_fakes(agree):
    objective = NonSaturating(SPEC, mismatched_weight=0.25)
    assert objective.num_mismatched == 1
    agree(
        objective.discriminator_terms,
        lambda real, fake, mismatched: {
            "real": bce(real, 1),
            "fake": 0.75 * bce(fake, 0),
            "mismatched": 0.25 * bce(mismatched, 0),
        },
        real=REAL,
        fake=FAKE,
        mismatched=MISMATCHED,
    )


@pytest.mark.parametrize(("step", "share"), [(0, 0.0), (4, 0.2), (10, 0.5)])
def test_mismatched_weight_may_ramp_from_zero(agree, step, share):
    objective = NonSaturating(SPEC, mismatched_weight=Ramp(start=0.0, end=0.5, steps=10))
    assert objective.num_mismatched == 1
    advance_schedules(objective, step, 100)
    agree(
        objective.discriminator_terms,
        lambda real, fake, mismatched: {
            "real": bce(real, 1),
            "fake": (1 - share) * bce(fake, 0),
            "mismatched": share * bce(mismatched, 0),
        },
        real=REAL,
        fake=FAKE,
        mismatched=MISMATCHED,
    )


def test_non_saturating_reads_the_unconditional_score(agree):
    objective = NonSaturating(SPEC, head="unconditional")
    assert objective.heads == {"score_unconditional": 1}
    agree(
        objective.discriminator_terms,
        lambda real_unconditional, fake_unconditional: {
            "real": bce(real_unconditional, 1),
            "fake": bce(fake_unconditional, 0),
        },
        real_unconditional=REAL,
        fake_unconditional=FAKE,
    )
    agree(
        objective.generator_terms,
        lambda fake_unconditional: {"fake": bce(fake_unconditional, 1)},
        fake_unconditional=FAKE,
    )


def test_mismatched_pairs_need_a_head_with_a_condition():
    with pytest.raises(RecipeError, match=r"non_saturating: mismatched_weight = 0\.5 with head = 'unconditional'"):
        NonSaturating(SPEC, head="unconditional", mismatched_weight=0.5)


def test_generator_gradient_does_not_vanish_for_low_scores():
    """-log sigmoid(s) has slope -1 where log(1 - sigmoid(s)) has slope 0 and the sigmoid is 0 in float32."""
    fake = torch.tensor([-200.0], requires_grad=True)
    loss = NonSaturating(SPEC).generator_terms(SimpleNamespace(fake=fake))["fake"]
    loss.backward()
    assert (loss.item(), fake.grad.item()) == (200.0, -1.0)


def test_diagnostics_are_margins_of_real_pairs():
    critic = SimpleNamespace(real=torch.tensor(REAL), fake=torch.tensor(FAKE), mismatched=torch.tensor(MISMATCHED))
    with_pairs = NonSaturating(SPEC, mismatched_weight=0.5).diagnostics(critic)
    assert {name: measure.item() for name, measure in with_pairs.items()} == pytest.approx(
        {
            "real_margin": (REAL - FAKE).mean(),
            "real_accuracy": (REAL > FAKE).mean(),
            "identity_margin": (REAL - MISMATCHED).mean(),
            "identity_accuracy": (REAL > MISMATCHED).mean(),
        }
    )
    assert set(NonSaturating(SPEC).diagnostics(critic)) == {"real_margin", "real_accuracy"}
