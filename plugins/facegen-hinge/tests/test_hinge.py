"""The contract of an objective, and numbers worked out by hand."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from facegen_hinge.hinge import Hinge

from facegen import Ramp, RecipeError
from facegen.core.recipe.schedule import advance_schedules
from facegen.testing import SMALL_DATA, check_part


@pytest.mark.parametrize("settings", [{}, {"margin": 0.5}, {"mismatched_weight": 0.5}])
def test_keeps_the_contract(settings: dict[str, Any]) -> None:
    check_part("objective", Hinge, **settings)


@pytest.fixture
def critic() -> SimpleNamespace:
    scores = {"real": [2.0, 0.25], "fake": [-3.0, 1.0], "mismatched": [0.5, -1.5]}
    return SimpleNamespace(**{name: torch.tensor(values, requires_grad=True) for name, values in scores.items()})


def values(terms: dict[str, torch.Tensor]) -> dict[str, float]:
    return {name: term.item() for name, term in terms.items()}


def test_default_scores_no_mismatched_pair(critic: SimpleNamespace) -> None:
    part = Hinge(SMALL_DATA, margin=0.5)
    assert part.num_mismatched == 0
    terms = part.discriminator_terms(critic)
    # real: (0 + 0.25) / 2; fake: (0 + 1.5) / 2
    assert values(terms) == {"real": 0.125, "fake": 0.75}
    sum(terms.values()).backward()
    assert (critic.real.grad.tolist(), critic.fake.grad.tolist()) == ([0.0, -0.5], [0.0, 0.5])


def test_mismatched_pairs_share_the_weight_of_the_fakes(critic: SimpleNamespace) -> None:
    part = Hinge(SMALL_DATA, margin=0.5, mismatched_weight=0.25)
    assert part.num_mismatched == 1
    terms = part.discriminator_terms(critic)
    # as above, three quarters of the fakes; mismatched: (1 + 0) / 2, a quarter of it
    assert values(terms) == {"real": 0.125, "fake": 0.5625, "mismatched": 0.125}
    sum(terms.values()).backward()
    assert critic.real.grad.tolist() == [0.0, -0.5]
    assert critic.fake.grad.tolist() == [0.0, 0.375]
    assert critic.mismatched.grad.tolist() == [0.125, 0.0]


def test_generator_gradient_is_constant(critic: SimpleNamespace) -> None:
    terms = Hinge(SMALL_DATA).generator_terms(critic)
    assert values(terms) == {"fake": 1.0}
    terms["fake"].backward()
    assert critic.fake.grad.tolist() == [-0.5, -0.5]


def test_mismatched_weight_may_ramp_from_zero(critic: SimpleNamespace) -> None:
    part = Hinge(SMALL_DATA, margin=0.5, mismatched_weight=Ramp(start=0.0, end=0.5, steps=10))
    assert part.num_mismatched == 1
    for step, fake, mismatched in ((0, 0.75, 0.0), (5, 0.5625, 0.125), (10, 0.375, 0.25)):
        advance_schedules(part, step, 100)
        assert values(part.discriminator_terms(critic)) == {"real": 0.125, "fake": fake, "mismatched": mismatched}
    with pytest.raises(RecipeError, match=r"hinge: mismatched_weight\.end = 1\.0: must be at least 0 and less than 1"):
        Hinge(SMALL_DATA, mismatched_weight=Ramp(start=0.0, end=1.0, steps=10))
