"""The probability of ADA against a hand computation, and its effect on faces."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from facegen.core.batch import DataSpec
from facegen.parts.augmentations.adaptive import Adaptive
from facegen.parts.augmentations.diff_augment import DiffAugment

SPEC = DataSpec(16)
RNG = np.random.default_rng(0)
ROWS = 8


def critic_with(real, fake=None):
    scores = {"real": torch.tensor(real), "fake": torch.tensor(np.zeros(len(real)) if fake is None else fake)}
    return SimpleNamespace(batch=range(len(real)), **scores)


def test_twenty_steps_of_the_probability():
    augmentation, p = Adaptive(SPEC, adjust_images=ROWS * 10, max_probability=0.75), 0.0
    path = []
    for step in range(20):
        real = RNG.normal(size=ROWS) + (-5 if step < 2 else 5 if step < 12 else 0)
        diagnostics = augmentation.diagnostics(critic_with(real))
        sign = np.sign(real).mean()
        assert diagnostics["real_sign"].item() == pytest.approx(sign)
        assert diagnostics["probability"].item() == pytest.approx(p, abs=1e-6)
        augmentation.update(diagnostics)
        p = min(max(p + np.sign(sign - 0.6) * 0.1, 0.0), 0.75)
        path.append(p)
        assert augmentation.probability.item() == pytest.approx(p, abs=1e-6)
    assert path[1] == 0 and max(path) == 0.75 and path[-1] < 0.75, "both ends must be reached, and left again"


def test_probability_stays_on_target():
    augmentation = Adaptive(SPEC, target=0.5, adjust_images=10.0)
    augmentation.probability.fill_(0.25)
    augmentation.update(augmentation.diagnostics(critic_with(np.array([1.0, 2.0, 3.0, -1.0]))))
    assert augmentation.probability.item() == 0.25


def test_relativistic_scores_are_compared_with_the_fakes():
    real, fake = RNG.normal(size=(2, ROWS)) + 10
    diagnostics = Adaptive(SPEC, compared_with="fake").diagnostics(critic_with(real, fake))
    assert diagnostics["real_sign"].item() == pytest.approx(np.sign(real - fake).mean())
    assert Adaptive(SPEC).diagnostics(critic_with(real, fake))["real_sign"].item() == 1


def test_adaptive_reads_the_unconditional_score():
    critic = SimpleNamespace(batch=range(2), real_unconditional=torch.tensor([1.0, -1.0]))
    assert Adaptive(SPEC, head="unconditional").diagnostics(critic)["real_sign"].item() == 0


def test_adaptive_starts_as_the_identity():
    faces = torch.rand(8, 3, 16, 16)
    assert torch.equal(Adaptive(SPEC)(faces), faces)


@pytest.mark.parametrize(
    ("change", "strength"),
    [("color", {}), ("color", {"color": 0.5}), ("translation", {"translation": 0.25}), ("cutout", {"cutout": 0.25})],
)
def test_probability_one_equals_diff_augment(change, strength):
    faces = torch.rand(64, 3, 16, 16)
    settings = {"policy": (change,), **strength}
    augmentation = Adaptive(SPEC, **settings)
    augmentation.probability.fill_(1.0)
    torch.manual_seed(1)
    changed = augmentation(faces)
    torch.manual_seed(1)
    torch.rand(64)  # whether it happens
    torch.testing.assert_close(changed, DiffAugment(SPEC, **settings)(faces))


def test_rows_draw_each_change_independently():
    """With color and cutout at p, (1 - p)^2 of the rows stay, p (1 - p) only lose a square."""
    num, p = 4000, 0.3
    augmentation = Adaptive(SPEC, policy=("color", "cutout"))
    augmentation.probability.fill_(p)
    faces = torch.rand(num, 3, 8, 8) + 0.1
    torch.manual_seed(0)
    changed = augmentation(faces).flatten(1)
    before = faces.flatten(1)
    gone = (changed == 0).any(dim=1)
    kept_colour = ((changed == before) | (changed == 0)).all(dim=1)
    shares = [(~gone & kept_colour), (gone & kept_colour), (~gone & ~kept_colour), (gone & ~kept_colour)]
    means = [share.float().mean().item() for share in shares]
    assert means == pytest.approx([(1 - p) ** 2, p * (1 - p), p * (1 - p), p * p], abs=0.03)


def test_probability_is_part_of_the_state():
    augmentation, resumed = Adaptive(SPEC), Adaptive(SPEC)
    augmentation.probability.fill_(0.375)
    resumed.load_state_dict(load(save(augmentation.state_dict())))
    assert resumed.probability.item() == 0.375
