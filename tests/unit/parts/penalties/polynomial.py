"""A discriminator with a known image gradient, and one phase of a step with it."""

import torch
from torch import nn

from facegen.core.batch import Batch, Condition
from facegen.core.critic import Critic
from facegen.core.interfaces import Augmentation, Discriminator

ROWS, PIXELS, FACE = 3, 2, 12


class Polynomial(Discriminator):
    """g(f, c) = s c . f + a |f|^2 / 2 with gradient s c + a f; the head without a condition leaves c out."""

    def __init__(self, curvature, slope=1.0):
        nn.Module.__init__(self)
        self.curvature, self.slope = nn.Parameter(torch.tensor(curvature)), nn.Parameter(torch.tensor(slope))
        self.passes = 0

    def features(self, faces):
        self.passes += 1
        return faces.flatten(1)

    def score(self, features, condition):
        bend = self.curvature * features.square().sum(dim=1) / 2
        return bend if condition is None else bend + self.slope * (features * condition).sum(dim=1)


class Doubling(Augmentation):
    def forward(self, faces):
        return 2 * faces


def critic_of(*weights, **options):
    """Return the critic of the discriminator's phase on fixed faces and conditions."""
    draw = torch.Generator().manual_seed(0)
    faces, fakes = torch.randn(2, ROWS, 3, PIXELS, PIXELS, generator=draw)
    condition = torch.randn(ROWS, FACE, generator=draw)
    rows = torch.arange(ROWS)
    batch = Batch(faces, rows, rows, rows[:, None])
    condition = Condition(condition, condition, condition, {})
    return Critic("discriminator", batch, condition, Polynomial(*weights), fakes, **options)
