"""R2 against closed forms, alone and beside R1."""

from itertools import product

import pytest
import torch
from polynomial import PIXELS, critic_of

from facegen.core.batch import DataSpec
from facegen.core.recipe.schedule import Ramp, advance_schedules
from facegen.parts.penalties.r1 import R1
from facegen.parts.penalties.r2 import R2

SPEC = DataSpec(PIXELS)
REAL, FAKE = {"grad_inputs": R1.grad_inputs}, {"grad_inputs": R2.grad_inputs}


HEADS = [("conditional", 1.0), ("unconditional", 0.0)]


def test_r2_of_a_linear_discriminator_is_the_norm_of_the_condition():
    critic = critic_of(0.0, **FAKE)
    expected = 3.0 / 2 * critic.condition.critic.square().sum(dim=1).mean()
    torch.testing.assert_close(R2(SPEC, r2_gamma=3.0).terms(critic)["r2"], expected)


@pytest.mark.parametrize(("head", "slope"), HEADS)
def test_quadratic_discriminator_and_the_gradient_of_its_penalty(head, slope):
    critic = critic_of(0.7, **FAKE)
    term = R2(SPEC, r2_gamma=3.0, head=head).terms(critic)["r2"]
    fakes, condition = critic.fake_faces.detach().flatten(1), critic.condition.critic
    gradient = slope * condition + 0.7 * fakes
    torch.testing.assert_close(term.detach(), 3.0 / 2 * gradient.square().sum(dim=1).mean())
    term.backward()
    expected = 3.0 * (gradient * fakes).sum(dim=1).mean()
    assert critic._discriminator.curvature.grad.item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("heads", [*product(HEADS, HEADS)])
def test_r1_and_r2_share_one_pass(heads):
    (real_head, real_slope), (fake_head, fake_slope) = heads
    r1, r2 = R1(SPEC, r1_gamma=2.0, head=real_head), R2(SPEC, r2_gamma=3.0, head=fake_head)
    critic = critic_of(0.7, grad_inputs=R1.grad_inputs | R2.grad_inputs)
    terms = r1.terms(critic) | r2.terms(critic)
    assert critic._discriminator.passes == 1
    torch.testing.assert_close(terms["r2"], r2.terms(critic_of(0.7, **FAKE))["r2"])
    torch.testing.assert_close(terms["r1"], r1.terms(critic_of(0.7, **REAL))["r1"])
    sum(terms.values()).backward()
    condition = critic.condition.critic
    sides = ((2.0, real_slope, critic.real_faces), (3.0, fake_slope, critic.fake_faces))
    faces = [(gamma, slope, side.detach().flatten(1)) for gamma, slope, side in sides]
    expected = sum(gamma * ((slope * condition + 0.7 * face) * face).sum(dim=1).mean() for gamma, slope, face in faces)
    assert critic._discriminator.curvature.grad.item() == pytest.approx(expected.item(), rel=1e-5)


def test_gamma_follows_its_ramp():
    penalty = R2(SPEC, r2_gamma=Ramp(start=2.0, end=0.2, steps=10))
    start = penalty.terms(critic_of(0.3, **FAKE))["r2"].item()
    advance_schedules(penalty, 10, 100)
    assert penalty.terms(critic_of(0.3, **FAKE))["r2"].item() == pytest.approx(start / 10)
