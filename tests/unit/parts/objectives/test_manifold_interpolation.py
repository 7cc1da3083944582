"""GAN-INT on a real critic with networks that can be written down."""

import numpy as np
import pytest
import torch
from torch import nn

from facegen.core.batch import Batch, Condition, DataSpec
from facegen.core.critic import Critic
from facegen.core.interfaces import Discriminator
from facegen.parts.objectives.manifold_interpolation import ManifoldInterpolation

ROWS, DIM, FACE = 4, 12, 12
STRANGERS = torch.tensor([[2], [0], [3], [1]])


class Product(Discriminator):
    """g(f, c) = c . f"""

    def __init__(self):
        nn.Module.__init__(self)
        self.passes = []

    def features(self, faces):
        self.passes.append(len(faces))
        return faces.flatten(1)

    def score(self, features, condition):
        return (features * condition).sum(dim=1)


@pytest.fixture
def critic():
    draw = torch.Generator().manual_seed(0)
    generator, judged = (torch.randn(ROWS, DIM, generator=draw) / 3 for _ in range(2))
    weight = torch.randn(DIM, FACE, generator=draw, requires_grad=True)
    faces, rows = torch.zeros(ROWS, 3, 2, 2), torch.arange(ROWS)
    critic = Critic(
        "generator",
        Batch(faces, rows, rows, STRANGERS),
        Condition(generator, judged, generator, {}),
        Product(),
        faces,
        draw=lambda condition: (condition @ weight).view(-1, 3, 2, 2),
    )
    critic.weight = weight
    return critic


def mean_loss(loss, scores):
    return np.mean(-np.log(1 / (1 + np.exp(-scores)))) if loss == "bce" else np.mean((scores - 1) ** 2) / 2


@pytest.mark.parametrize(("loss", "beta", "share", "rows"), [("bce", 0.5, 0.5, 2), ("least_squares", 0.3, 1.0, 4)])
def test_mixtures_are_generated_and_scored_with_their_condition(critic, loss, beta, share, rows):
    objective = ManifoldInterpolation(DataSpec(2), interpolation_weight=0.25, beta=beta, batch_share=share, loss=loss)
    assert (objective.heads, objective.num_mismatched) == ({"score": 1}, 1)
    assert objective.discriminator_terms(critic) == {}
    term = objective.generator_terms(critic)["interpolation"]
    assert critic._discriminator.passes == [rows]

    def mixed(condition):
        own = condition.double().numpy()
        return (beta * own + (1 - beta) * own[STRANGERS[:, 0]])[:rows]

    source, judge = mixed(critic.condition.generator), mixed(critic.condition.critic)

    def value(weight):
        return 0.25 * mean_loss(loss, ((source @ weight) * judge).sum(axis=1))

    weight = critic.weight.detach().double().numpy()
    assert term.item() == pytest.approx(value(weight), rel=1e-5)
    term.backward()
    for place in [(0, 0), (3, 7), (11, 11)]:
        step = np.zeros_like(weight)
        step[place] = 1e-6
        slope = (value(weight + step) - value(weight - step)) / 2e-6
        assert critic.weight.grad[place].item() == pytest.approx(slope, rel=1e-3, abs=1e-7)


def test_at_least_one_row_is_mixed(critic):
    ManifoldInterpolation(DataSpec(2), batch_share=0.01).generator_terms(critic)
    assert critic._discriminator.passes == [1]
