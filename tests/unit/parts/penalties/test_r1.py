"""R1 against closed forms of a linear and a quadratic discriminator."""

import pytest
import torch
from polynomial import PIXELS, Doubling, critic_of

from facegen.core.batch import DataSpec
from facegen.core.recipe.schedule import Ramp, advance_schedules
from facegen.parts.penalties.r1 import R1

SPEC = DataSpec(PIXELS)
REAL = {"grad_inputs": R1.grad_inputs}


def test_linear_discriminator_is_penalised_by_the_norm_of_the_condition():
    critic = critic_of(0.0, **REAL)
    expected = 3.0 / 2 * critic.condition.critic.square().sum(dim=1).mean()
    torch.testing.assert_close(R1(SPEC, r1_gamma=3.0).terms(critic)["r1"], expected)


@pytest.mark.parametrize(("head", "slope"), [("conditional", 1.0), ("unconditional", 0.0)])
def test_quadratic_discriminator_and_the_gradient_of_its_penalty(head, slope):
    critic = critic_of(0.7, **REAL)
    term = R1(SPEC, r1_gamma=3.0, head=head).terms(critic)["r1"]
    faces, condition = critic.real_faces.detach().flatten(1), critic.condition.critic
    gradient = slope * condition + 0.7 * faces
    torch.testing.assert_close(term.detach(), 3.0 / 2 * gradient.square().sum(dim=1).mean())
    term.backward()
    expected = 3.0 * (gradient * faces).sum(dim=1).mean()
    assert critic._discriminator.curvature.grad.item() == pytest.approx(expected.item(), rel=1e-5)


def test_gradient_is_taken_before_augmentation():
    critic = critic_of(0.0, augmentation=Doubling(), **REAL)
    expected = 1.0 / 2 * (2 * critic.condition.critic).square().sum(dim=1).mean()
    torch.testing.assert_close(R1(SPEC).terms(critic)["r1"], expected)


def test_gamma_follows_its_ramp():
    penalty = R1(SPEC, r1_gamma=Ramp(start=2.0, end=0.2, steps=10))
    start = penalty.terms(critic_of(0.3, **REAL))["r1"].item()
    advance_schedules(penalty, 10, 100)
    assert penalty.terms(critic_of(0.3, **REAL))["r1"].item() == pytest.approx(start / 10)
