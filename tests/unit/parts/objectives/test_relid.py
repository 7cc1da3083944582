"""The three forms of the relid loss against numpy, and the gradient that reaches the face."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from facegen.core.batch import Batch, Condition, DataSpec
from facegen.core.critic import Critic
from facegen.core.errors import RecipeError
from facegen.core.interfaces import Discriminator
from facegen.core.recipe.schedule import Ramp, advance_schedules
from facegen.parts.objectives.relativistic import Relativistic
from facegen.parts.objectives.relid import Relid

SPEC = DataSpec(2)
RNG = np.random.default_rng(0)
REAL, FAKE = RNG.normal(size=(2, 4))
MISMATCHED, FAKE_MISMATCHED = RNG.normal(size=(2, 4, 3))
CRITIC = SimpleNamespace(
    real=torch.tensor(REAL),
    fake=torch.tensor(FAKE),
    mismatched=torch.tensor(MISMATCHED[:, 0]),
    mismatched_all=torch.tensor(MISMATCHED),
    fake_mismatched_all=torch.tensor(FAKE_MISMATCHED),
)


def minus_log_sigmoid(margin):
    return np.mean(-np.log(1 / (1 + np.exp(-margin))))


def values(terms):
    return {name: term.item() for name, term in terms.items()}


SIDES = {"discriminator": ("real", "fake", "mismatched_all"), "generator": ("fake", "real", "fake_mismatched_all")}
"""In each phase: the face that is to win, the other one, and the winner under strangers' conditions."""
both_phases = pytest.mark.parametrize(("phase", "weight"), [("discriminator", 0.5), ("generator", 2.0)])


def agree_in(agree, phase, formula, **settings):
    objective = Relid(SPEC, discriminator_identity_weight=0.5, generator_identity_weight=2.0, **settings)
    agree(
        getattr(objective, f"{phase}_terms"),
        lambda **arrays: formula(*(arrays[name] for name in SIDES[phase])),
        **dict(zip(SIDES[phase], (REAL, FAKE, MISMATCHED), strict=True)),
    )


@both_phases
def test_single_form_agrees_with_the_formula(agree, phase, weight):
    def formula(own, other, strangers):
        return {"relid": minus_log_sigmoid(own - other + weight * (own - strangers[:, 0]))}

    agree_in(agree, phase, formula)


@both_phases
def test_averaged_form_agrees_with_the_formula(agree, phase, weight):
    def formula(own, other, strangers):
        return {"relid": minus_log_sigmoid(own - (other + strangers[:, 0]) / 2)}

    agree_in(agree, phase, formula, form="averaged")


@both_phases
@pytest.mark.parametrize("num", [1, 3])
def test_separate_form_is_a_sigmoid_and_a_cross_entropy(agree, phase, weight, num):
    def formula(own, other, strangers):
        shares = np.exp(own) / (np.exp(own) + np.exp(strangers[:, :num]).sum(axis=1))
        return {"realness": minus_log_sigmoid(own - other), "identity": -weight * np.log(shares).mean()}

    agree_in(agree, phase, formula, form="separate", num_negatives=num)


def test_num_mismatched_equals_the_negatives_read():
    assert (Relid(SPEC).num_mismatched, Relid(SPEC, form="separate", num_negatives=3).num_mismatched) == (1, 3)


@pytest.mark.parametrize("form", ["single_sigmoid", "averaged", "separate"])
def test_generator_loss_is_relativistic_without_identity(form):
    objective = Relid(SPEC, form=form, generator_identity=False)
    (loss,) = objective.generator_terms(CRITIC).values()
    assert loss.item() == Relativistic(SPEC).generator_terms(CRITIC)["fake_over_real"].item()


def test_weights_follow_their_ramps():
    objective = Relid(SPEC, form="separate", generator_identity_weight=Ramp(start=1.0, end=0.0, steps=10))
    full = objective.generator_terms(CRITIC)["identity"].item()
    advance_schedules(objective, 5, 100)
    assert objective.generator_terms(CRITIC)["identity"].item() == pytest.approx(full / 2)
    advance_schedules(objective, 10, 100)
    assert objective.generator_terms(CRITIC)["identity"].item() == 0


def test_several_negatives_need_separate_terms():
    with pytest.raises(RecipeError, match="relid: num_negatives = 2: must be 1 unless form = 'separate'"):
        Relid(SPEC, num_negatives=2)


def test_diagnostics_of_relid():
    expected = {
        "real_margin": (REAL - FAKE).mean(),
        "real_accuracy": (REAL > FAKE).mean(),
        "identity_margin": (REAL - MISMATCHED[:, 0]).mean(),
        "identity_accuracy": (MISMATCHED[:, 0] < REAL).mean(),
    }
    assert values(Relid(SPEC).diagnostics(CRITIC)) == pytest.approx(expected)


DIM, ROWS = 12, 3


class Flat(Discriminator):
    """phi is the face itself, and psi is not linear, so that its gradient differs from face to face."""

    def __init__(self):
        nn.Module.__init__(self)

    def features(self, faces):
        return faces.flatten(1)

    def score(self, features, condition):
        return (features * condition).sum(dim=1) + features.sin().sum(dim=1)


@pytest.fixture
def critic():
    draw = torch.Generator().manual_seed(0)
    real, fake = torch.randn(2, ROWS, 3, 2, 2, generator=draw)
    condition = torch.randn(ROWS, DIM, generator=draw)
    rows = torch.arange(ROWS)
    batch = Batch(real, rows, rows, torch.tensor([[1], [2], [0]]))
    return Critic("generator", batch, Condition(condition, condition, condition, {}), Flat(), fake.requires_grad_())


def test_gradient_of_the_generated_face_agrees_with_the_formula(critic):
    """dL_G / dphi(f_f) = -sigmoid(-g) (2 c+ - c- + grad psi) / B, for the swapped single sigmoid."""
    Relid(SPEC).generator_terms(critic)["relid"].backward()
    real, fake = (faces.detach().double().flatten(1).numpy() for faces in (critic.real_faces, critic.fake_faces))
    own = critic.condition.critic.double().numpy()
    stranger = own[[1, 2, 0]]

    def margin(fake):
        return ((own * (fake - real)) + np.sin(fake) - np.sin(real) + (own - stranger) * fake).sum(axis=1)

    weight = 1 / (1 + np.exp(margin(fake)))[:, None]
    expected = -weight * (2 * own - stranger + np.cos(fake)) / ROWS
    gradients = critic.fake_faces.grad.flatten(1).numpy()
    np.testing.assert_allclose(gradients, expected, rtol=2e-4, atol=1e-6)
    step = np.zeros_like(fake)
    step[1, 4] = 1e-6
    above, below = (minus_log_sigmoid(margin(fake + sign * step)) for sign in (1, -1))
    assert gradients[1, 4] == pytest.approx((above - below) / 2e-6, rel=2e-4)


def test_gradient_without_swapped_term_follows_the_own_condition(critic):
    Relid(SPEC, generator_identity=False).generator_terms(critic)["realness"].backward()
    fake, own = critic.fake_faces.detach().flatten(1), critic.condition.critic
    weight = torch.sigmoid(critic.real - critic.fake).detach()[:, None]
    expected = -weight * (own + fake.cos()) / ROWS
    torch.testing.assert_close(critic.fake_faces.grad.flatten(1), expected, rtol=1e-4, atol=1e-6)
