"""R1 against closed forms of a linear and a quadratic discriminator."""

import pytest
import torch
from torch import nn

from facegen.core.batch import Batch, Condition, DataSpec
from facegen.core.critic import Critic
from facegen.core.interfaces import Augmentation, Discriminator
from facegen.core.schedule import Ramp, advance_schedules
from facegen.parts.penalties.r1 import R1

ROWS, PIXELS, FACE = 3, 2, 12
SPEC = DataSpec(PIXELS)


class Polynomial(Discriminator):
    """g(f, c) = c . f + a |f|^2 / 2, so that its gradient is c + a f."""

    def __init__(self, curvature):
        nn.Module.__init__(self)
        self.curvature = nn.Parameter(torch.tensor(curvature))

    def features(self, faces):
        return faces.flatten(1)

    def score(self, features, condition):
        return (features * condition).sum(dim=1) + self.curvature * features.square().sum(dim=1) / 2


class Doubling(Augmentation):
    def forward(self, faces):
        return 2 * faces


def critic_of(curvature, **extra):
    draw = torch.Generator().manual_seed(0)
    faces, fakes = torch.randn(2, ROWS, 3, PIXELS, PIXELS, generator=draw)
    condition = torch.randn(ROWS, FACE, generator=draw)
    rows = torch.arange(ROWS)
    batch = Batch(faces, rows, rows, rows[:, None])
    condition = Condition(condition, condition, condition, {})
    return Critic(
        "discriminator", batch, condition, Polynomial(curvature), fakes, image_leaves=R1.image_leaves, **extra
    )


def test_linear_discriminator_is_as_steep_as_its_condition_is_long():
    critic = critic_of(0.0)
    expected = 3.0 / 2 * critic.condition.critic.square().sum(dim=1).mean()
    torch.testing.assert_close(R1(SPEC, r1_gamma=3.0).terms(critic)["r1"], expected)


def test_quadratic_discriminator_and_the_gradient_of_its_penalty():
    critic = critic_of(0.7)
    term = R1(SPEC, r1_gamma=3.0).terms(critic)["r1"]
    faces, condition = critic.real_faces.detach().flatten(1), critic.condition.critic
    gradient = condition + 0.7 * faces
    torch.testing.assert_close(term.detach(), 3.0 / 2 * gradient.square().sum(dim=1).mean())
    term.backward()
    expected = 3.0 * (gradient * faces).sum(dim=1).mean()
    assert critic._discriminator.curvature.grad.item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_gradient_is_that_of_the_face_before_augmentation():
    critic = critic_of(0.0, augmentation=Doubling())
    expected = 1.0 / 2 * (2 * critic.condition.critic).square().sum(dim=1).mean()
    torch.testing.assert_close(R1(SPEC).terms(critic)["r1"], expected)


def test_gamma_follows_its_ramp():
    penalty = R1(SPEC, r1_gamma=Ramp(start=2.0, end=0.2, steps=10))
    start = penalty.terms(critic_of(0.3))["r1"].item()
    advance_schedules(penalty, 10)
    assert penalty.terms(critic_of(0.3))["r1"].item() == pytest.approx(start / 10)
