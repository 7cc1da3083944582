"""GAN-CLS and StackGAN's losses, as their published forms state them, against numpy."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from facegen.core.batch import DataSpec
from facegen.core.errors import RecipeError
from facegen.core.recipe.schedule import Ramp, advance_schedules
from facegen.parts.objectives.matching_aware import MatchingAware

SPEC = DataSpec(16)
NAMES = ("real", "fake", "mismatched", "real_unconditional", "fake_unconditional")
SCORES = dict(zip(NAMES, np.random.default_rng(0).normal(size=(5, 4)), strict=True))


def scores(*names):
    return {name: SCORES[name] for name in names}


def bce(score, target):
    probability = 1 / (1 + np.exp(-score))
    return -np.mean(target * np.log(probability) + (1 - target) * np.log(1 - probability))


def squares(score, target):
    return ((score - target) ** 2).mean() / 2


@pytest.mark.parametrize(("loss", "formula"), [("bce", bce), ("least_squares", squares)])
def test_reed_form_weights_mismatched_against_generated(agree, loss, formula):
    objective = MatchingAware(SPEC, loss=loss, mismatched_weight=0.3)
    assert (objective.heads, objective.num_mismatched) == ({"score": 1}, 1)
    agree(
        objective.discriminator_terms,
        lambda real, fake, mismatched: {
            "real": formula(real, 1),
            "fake": 0.7 * formula(fake, 0),
            "mismatched": 0.3 * formula(mismatched, 0),
        },
        **scores("real", "fake", "mismatched"),
    )
    agree(objective.generator_terms, lambda fake: {"fake": formula(fake, 1)}, **scores("fake"))


def test_default_is_reed_and_stackgan_stage_one(agree):
    agree(
        lambda critic: {"sum": sum(MatchingAware(SPEC).discriminator_terms(critic).values())},
        lambda real, fake, mismatched: {"sum": bce(real, 1) + 0.5 * (bce(mismatched, 0) + bce(fake, 0))},
        **scores("real", "fake", "mismatched"),
    )


def test_terms_of_stackgan_stage_two(agree):
    objective = MatchingAware(SPEC, unconditional_weight=1.0)
    assert objective.heads == {"score": 1, "score_unconditional": 1}
    agree(
        lambda critic: {"sum": sum(objective.discriminator_terms(critic).values())},
        lambda real, fake, mismatched, real_unconditional, fake_unconditional: {
            "sum": (bce(real, 1) + bce(real_unconditional, 1)) / 2
            + (bce(fake, 0) + bce(mismatched, 0) + bce(fake_unconditional, 0)) / 3
        },
        **SCORES,
    )
    agree(
        objective.generator_terms,
        lambda fake, fake_unconditional: {"fake": bce(fake, 1), "fake_unconditional": bce(fake_unconditional, 1)},
        **scores("fake", "fake_unconditional"),
    )


@pytest.mark.parametrize("unconditional_weight", [0.0, 0.4, 1.0, 3.0])
def test_accepted_and_rejected_pairs_have_total_weight_one(unconditional_weight):
    objective = MatchingAware(SPEC, unconditional_weight=unconditional_weight)
    undecided = SimpleNamespace(**dict.fromkeys(NAMES, torch.zeros(4)))
    terms = objective.discriminator_terms(undecided)
    for side in ("real", "fake|mismatched"):
        shares = [term.item() / np.log(2) for name, term in terms.items() if re.match(side, name)]
        assert sum(shares) == pytest.approx(1)
    drawn = sum(term.item() for term in objective.generator_terms(undecided).values())
    assert drawn == pytest.approx((1 + unconditional_weight) * np.log(2))


def test_labels_are_smoothed_for_real_pairs_only(agree):
    objective = MatchingAware(SPEC, real_target=0.9)
    agree(
        objective.discriminator_terms,
        lambda real, fake, mismatched: {
            "real": bce(real, 0.9),
            "fake": 0.5 * bce(fake, 0),
            "mismatched": 0.5 * bce(mismatched, 0),
        },
        **scores("real", "fake", "mismatched"),
    )
    agree(objective.generator_terms, lambda fake: {"fake": bce(fake, 1)}, **scores("fake"))


@pytest.mark.parametrize(("step", "share", "weight"), [(0, 0.0, 2.0), (5, 0.25, 1.0), (10, 0.5, 0.0)])
def test_weights_may_ramp_from_and_to_zero(agree, step, share, weight):
    objective = MatchingAware(
        SPEC,
        mismatched_weight=Ramp(start=0.0, end=0.5, steps=10),
        unconditional_weight=Ramp(start=2.0, end=0.0, steps=10),
    )
    assert (objective.heads, objective.num_mismatched) == ({"score": 1, "score_unconditional": 1}, 1)
    advance_schedules(objective, step, 100)
    agree(
        objective.discriminator_terms,
        lambda real, fake, mismatched, real_unconditional, fake_unconditional: {
            "real": bce(real, 1) / (1 + weight),
            "real_unconditional": weight * bce(real_unconditional, 1) / (1 + weight),
            "fake": (1 - share) * bce(fake, 0) / (1 + weight / 2),
            "mismatched": share * bce(mismatched, 0) / (1 + weight / 2),
            "fake_unconditional": weight / 2 * bce(fake_unconditional, 0) / (1 + weight / 2),
        },
        **SCORES,
    )
    agree(
        objective.generator_terms,
        lambda fake, fake_unconditional: {
            "fake": bce(fake, 1),
            "fake_unconditional": weight * bce(fake_unconditional, 1),
        },
        **scores("fake", "fake_unconditional"),
    )


@pytest.mark.parametrize(
    ("name", "end", "allowed"),
    [("mismatched_weight", 1.0, "at least 0 and less than 1"), ("unconditional_weight", -1.0, "at least 0")],
)
def test_ramps_beyond_the_bounds_are_refused(name, end, allowed):
    with pytest.raises(RecipeError, match=rf"^matching_aware: {name}\.end = {end}: must be {allowed}$"):
        MatchingAware(SPEC, **{name: Ramp(start=0.5, end=end, steps=10)})
