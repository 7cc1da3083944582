"""The gradient penalty against closed forms of a linear and a quadratic discriminator."""

import pytest
import torch
from polynomial import PIXELS, ROWS, Doubling, critic_of

from facegen.core.batch import DataSpec
from facegen.core.recipe.schedule import Ramp, advance_schedules
from facegen.parts.penalties.gradient_penalty import GradientPenalty

SPEC = DataSpec(PIXELS)


def penalise(critic, **settings):
    torch.manual_seed(5)
    return GradientPenalty(SPEC, **settings).terms(critic)["gradient_penalty"]


def points_between(critic, scale=1.0):
    """Return the same random points by their formula."""
    torch.manual_seed(5)
    share = torch.rand(ROWS, 1, 1, 1).double()
    real, fake = critic.real_faces.detach().double(), critic.fake_faces.detach().double()
    return (scale * (share * real + (1 - share) * fake)).flatten(1)


def test_linear_discriminator_has_a_constant_gradient():
    critic = critic_of(0.0)
    length = critic.condition.critic.double().norm(dim=1)
    assert penalise(critic).item() == pytest.approx(10 * ((length - 1) ** 2).mean().item(), rel=1e-5)
    assert penalise(critic, centre=0.0).item() == pytest.approx(10 * (length**2).mean().item(), rel=1e-5)
    penalise(critic, gradient_penalty_weight=3.0).backward()
    # d/ds of 3 mean (s |c| - 1)^2 at s = 1
    expected = 3 * (2 * (length - 1) * length).mean()
    assert critic._discriminator.slope.grad.item() == pytest.approx(expected.item(), rel=1e-5)


def test_quadratic_discriminator_between_the_faces():
    critic = critic_of(0.7)
    term = penalise(critic)
    points = points_between(critic)
    gradient = critic.condition.critic.double() + 0.7 * points
    length = gradient.norm(dim=1)
    assert term.item() == pytest.approx(10 * ((length - 1) ** 2).mean().item(), rel=1e-5)
    term.backward()
    expected = 10 * (2 * (length - 1) * (gradient * points).sum(dim=1) / length).mean()
    assert critic._discriminator.curvature.grad.item() == pytest.approx(expected.item(), rel=1e-4)


def test_points_lie_between_augmented_faces():
    critic = critic_of(0.7, augmentation=Doubling())
    length = (critic.condition.critic.double() + 0.7 * points_between(critic, scale=2.0)).norm(dim=1)
    assert penalise(critic).item() == pytest.approx(10 * ((length - 1) ** 2).mean().item(), rel=1e-5)


def test_gradient_penalty_reads_the_unconditional_score():
    critic = critic_of(0.7)
    length = 0.7 * points_between(critic).norm(dim=1)
    assert penalise(critic, head="unconditional").item() == pytest.approx(
        10 * ((length - 1) ** 2).mean().item(), rel=1e-5
    )


def test_rows_draw_independent_points():
    seen = []
    critic = critic_of(0.0)
    critic.score = lambda faces, condition, augment: seen.append(faces) or (faces.flatten(1) * condition).sum(dim=1)
    penalise(critic)
    real, fake = critic.real_faces, critic.fake_faces
    shares = ((seen[0] - fake) / (real - fake)).detach().flatten(1)
    torch.testing.assert_close(shares, shares[:, :1].expand_as(shares), rtol=1e-3, atol=1e-4)
    assert len(set(shares[:, 0].tolist())) == ROWS and shares.min() >= 0 and shares.max() <= 1


def test_constant_discriminator_has_a_finite_gradient():
    critic = critic_of(0.0, 0.0)
    term = penalise(critic)
    assert term.item() == 10.0
    term.backward()
    assert critic._discriminator.slope.grad.isfinite()


def test_the_weight_follows_its_ramp():
    penalty = GradientPenalty(SPEC, gradient_penalty_weight=Ramp(start=2.0, end=1.0, steps=10))
    start = penalty.terms(critic_of(0.0))["gradient_penalty"].item()
    advance_schedules(penalty, 10, 100)
    assert penalty.terms(critic_of(0.0))["gradient_penalty"].item() == pytest.approx(start / 2)
