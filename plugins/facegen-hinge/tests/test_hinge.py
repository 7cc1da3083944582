"""The contract of an objective, and numbers worked out by hand."""

from types import SimpleNamespace

import pytest
import torch
from facegen_hinge.hinge import Hinge

from facegen.testing import SMALL_DATA, check_part


@pytest.mark.parametrize("settings", [{}, {"margin": 0.5}, {"mismatched_weight": 0.0}])
def test_keeps_the_contract(settings: dict[str, float]) -> None:
    check_part("objective", Hinge, **settings)


def scores(real: list[float], fake: list[float], mismatched: list[float]) -> SimpleNamespace:
    return SimpleNamespace(real=torch.tensor(real), fake=torch.tensor(fake), mismatched=torch.tensor(mismatched))


def test_numbers_by_hand() -> None:
    critic = scores(real=[2.0, 0.0], fake=[-3.0, 1.0], mismatched=[0.5, -0.5])
    terms = Hinge(SMALL_DATA, margin=1.0, mismatched_weight=3.0).discriminator_terms(critic)
    # real: (0 + 1) / 2; fake: (0 + 2) / 2, a quarter of it; mismatched: (1.5 + 0.5) / 2, three quarters of it
    assert {name: term.item() for name, term in terms.items()} == {"real": 0.5, "fake": 0.25, "mismatched": 0.75}
    assert Hinge(SMALL_DATA).generator_terms(critic)["fake"].item() == 1.0


def test_without_mismatched_pairs_it_is_the_plain_hinge_loss() -> None:
    critic = scores(real=[0.25], fake=[0.5], mismatched=[9.0])
    terms = Hinge(SMALL_DATA, mismatched_weight=0.0).discriminator_terms(critic)
    assert {name: term.item() for name, term in terms.items()} == {"real": 0.75, "fake": 1.5}
