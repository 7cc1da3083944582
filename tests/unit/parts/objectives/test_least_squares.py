"""The least-squares loss against numpy."""

import numpy as np
import pytest

from facegen.core.batch import DataSpec
from facegen.core.errors import RecipeError
from facegen.core.recipe.schedule import Ramp, advance_schedules
from facegen.parts.objectives.least_squares import LeastSquares

SPEC = DataSpec(16)
REAL, FAKE, MISMATCHED = np.random.default_rng(0).normal(size=(3, 5))


def test_both_networks_by_hand(agree):
    objective = LeastSquares(SPEC)
    assert (objective.heads, objective.num_mismatched) == ({"score": 1}, 0)
    agree(
        objective.discriminator_terms,
        lambda real, fake: {"real": ((real - 1) ** 2).mean() / 2, "fake": (fake**2).mean() / 2},
        real=REAL,
        fake=FAKE,
    )
    agree(objective.generator_terms, lambda fake: {"fake": ((fake - 1) ** 2).mean() / 2}, fake=FAKE)


def test_targets_of_chi_squared_and_smoothed_labels(agree):
    objective = LeastSquares(SPEC, fake_target=-1.0, real_target=0.9, generator_target=0.0)
    agree(
        objective.discriminator_terms,
        lambda real, fake: {"real": ((real - 0.9) ** 2).mean() / 2, "fake": ((fake + 1) ** 2).mean() / 2},
        real=REAL,
        fake=FAKE,
    )
    agree(objective.generator_terms, lambda fake: {"fake": (fake**2).mean() / 2}, fake=FAKE)


def test_mismatched_pairs_share_the_weight_of_the_fakes(agree):
    objective = LeastSquares(SPEC, mismatched_weight=0.3)
    assert objective.num_mismatched == 1
    agree(
        objective.discriminator_terms,
        lambda real, fake, mismatched: {
            "real": ((real - 1) ** 2).mean() / 2,
            "fake": 0.7 * (fake**2).mean() / 2,
            "mismatched": 0.3 * (mismatched**2).mean() / 2,
        },
        real=REAL,
        fake=FAKE,
        mismatched=MISMATCHED,
    )


@pytest.mark.parametrize(("step", "share"), [(0, 0.0), (4, 0.2), (10, 0.5)])
def test_the_share_of_mismatched_pairs_may_ramp_from_nothing(agree, step, share):
    objective = LeastSquares(SPEC, mismatched_weight=Ramp(start=0.0, end=0.5, steps=10))
    assert objective.num_mismatched == 1
    advance_schedules(objective, step, 100)
    agree(
        objective.discriminator_terms,
        lambda real, fake, mismatched: {
            "real": ((real - 1) ** 2).mean() / 2,
            "fake": (1 - share) * (fake**2).mean() / 2,
            "mismatched": share * (mismatched**2).mean() / 2,
        },
        real=REAL,
        fake=FAKE,
        mismatched=MISMATCHED,
    )


def test_the_head_without_a_condition(agree):
    objective = LeastSquares(SPEC, head="unconditional")
    assert objective.heads == {"score_unconditional": 1}
    agree(
        objective.discriminator_terms,
        lambda real_unconditional, fake_unconditional: {
            "real": ((real_unconditional - 1) ** 2).mean() / 2,
            "fake": (fake_unconditional**2).mean() / 2,
        },
        real_unconditional=REAL,
        fake_unconditional=FAKE,
    )
    agree(
        objective.generator_terms,
        lambda fake_unconditional: {"fake": ((fake_unconditional - 1) ** 2).mean() / 2},
        fake_unconditional=FAKE,
    )


def test_mismatched_pairs_need_a_head_with_a_condition():
    with pytest.raises(RecipeError, match=r"least_squares: mismatched_weight = 0\.5 with head = 'unconditional'"):
        LeastSquares(SPEC, head="unconditional", mismatched_weight=0.5)


def test_a_ramp_of_the_share_stays_within_what_a_share_may_be():
    with pytest.raises(RecipeError) as error:
        LeastSquares(SPEC, mismatched_weight=Ramp(start=-0.5, end=1.0, steps=10))
    assert error.value.problems == (
        "least_squares: mismatched_weight.start = -0.5: must be at least 0 and less than 1",
        "least_squares: mismatched_weight.end = 1.0: must be at least 0 and less than 1",
    )
    with pytest.raises(RecipeError, match=r"mismatched_weight = \{ start = 0\.0, end = 0\.5, .*'unconditional'"):
        LeastSquares(SPEC, head="unconditional", mismatched_weight=Ramp(start=0.0, end=0.5, steps=10))


def test_the_three_terms_of_wav2pix_weigh_the_same(agree):
    objective = LeastSquares(SPEC, real_target=0.9, mismatched_weight=0.5, rejected_weight=2.0)
    agree(
        objective.discriminator_terms,
        lambda real, fake, mismatched: {
            "real": ((real - 0.9) ** 2).mean() / 2,
            "fake": (fake**2).mean() / 2,
            "mismatched": (mismatched**2).mean() / 2,
        },
        real=REAL,
        fake=FAKE,
        mismatched=MISMATCHED,
    )
