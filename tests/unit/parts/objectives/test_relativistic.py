"""The relativistic loss against numpy."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from facegen.core.batch import DataSpec
from facegen.parts.objectives.relativistic import Relativistic

REAL, FAKE = np.array([2.0, -1.0, 0.5]), np.array([0.5, 1.0, 0.25])
CRITIC = SimpleNamespace(real=torch.tensor(REAL), fake=torch.tensor(FAKE))


@pytest.fixture
def objective():
    return Relativistic(DataSpec(16))


def minus_log_sigmoid(margin):
    return np.mean(-np.log(1 / (1 + np.exp(-margin))))


def test_losses_agree_with_the_formula_and_have_gradients_of_both_scores(agree, objective):
    agree(
        objective.discriminator_terms,
        lambda real, fake: {"real_over_fake": minus_log_sigmoid(real - fake)},
        real=REAL,
        fake=FAKE,
    )
    agree(
        objective.generator_terms,
        lambda real, fake: {"fake_over_real": minus_log_sigmoid(fake - real)},
        real=REAL,
        fake=FAKE,
    )


def test_diagnostics_of_relativistic(objective):
    diagnostics = {name: value.item() for name, value in objective.diagnostics(CRITIC).items()}
    assert diagnostics == {"real_margin": pytest.approx(-0.25 / 3), "real_accuracy": pytest.approx(2 / 3)}


def test_large_margins_neither_overflow_nor_lose_their_gradient(objective):
    real, fake = torch.tensor([-1000.0], requires_grad=True), torch.tensor([1000.0])
    loss = objective.discriminator_terms(SimpleNamespace(real=real, fake=fake))["real_over_fake"]
    loss.backward()
    assert loss.item() == 2000.0
    assert real.grad.item() == -1.0
