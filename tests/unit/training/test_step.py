"""The step does less work than the obvious one, and arrives at the same weights."""

import copy

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils import parametrize

from facegen.core.batch import Batch, DataSpec
from facegen.core.critic import Critic
from facegen.core.recipe import Recipe, check_recipe
from facegen.core.tables import OptimiserSettings
from facegen.training.networks import Networks, build_networks, trainable
from facegen.training.optimisers import build_optimiser
from facegen.training.step import GanStep, discriminator_weights
from facegen.training.world import World

WORLD = World(0, 1, torch.device("cpu"))
DATA = DataSpec(16, identities=tuple("abcdef"), columns=frozenset({"faces", "identity"}))
GAMMA, EVERY = 0.7, 4


def recipe(trained: str) -> Recipe:
    return check_recipe(
        {
            "data": {"type": "synthetic"},
            "conditioner": [{"type": "one_hot", "condition_dim": 6, "trained": trained}],
            "generator": {"type": "adain", "noise_dim": 5, "width": 4, "max_width": 8},
            "discriminator": {"type": "projection", "width": 4, "max_width": 8, "negative_slope": 0.2},
            "objective": [{"type": "relid", "form": "single_sigmoid"}],
            "penalty": [{"type": "r1", "r1_gamma": GAMMA, "every_steps": EVERY}],
            "train": {"steps": 10},
        },
        "test.toml",
    )


def batch() -> Batch:
    torch.manual_seed(3)
    blank = Batch.blank(DATA, 6)
    return blank.with_faces(torch.rand_like(blank.faces) * 2 - 1)


def optimisers(networks: Networks, settings: Recipe) -> dict[str, torch.optim.Optimizer]:
    assert settings.train is not None
    return {
        "generator": build_optimiser(settings.train.generator, trainable(networks.artist)),
        "discriminator": build_optimiser(settings.train.discriminator, discriminator_weights(networks)),
    }


def obvious_step(networks: Networks, optimiser: dict[str, torch.optim.Optimizer], rows: Batch, step: int) -> None:
    """Each score by a trunk pass of its own, the generator drawn anew for its own phase."""
    artist, critic = networks.artist, networks.discriminator
    assert artist is not None and critic is not None
    noise = artist.generator.noise(len(rows), WORLD.device)
    stranger = rows.mismatched_rows[:, 0]

    def score(faces: Tensor, condition: Tensor) -> Tensor:
        return critic.score(critic.features(faces), condition)

    def relid(winner: Tensor, loser: Tensor, condition: Tensor) -> Tensor:
        own = score(winner, condition)
        return functional.softplus(score(loser, condition) - own + score(winner, condition[stranger]) - own).mean()

    condition = artist.encoders(rows).detach()
    real = rows.faces.clone().requires_grad_()
    loss = relid(real, artist.draw(condition, noise).detach(), condition)
    if step % EVERY == 0:
        (gradient,) = torch.autograd.grad(score(real, condition).sum(), real, create_graph=True)
        loss = loss + EVERY * GAMMA / 2 * gradient.square().sum((1, 2, 3)).mean()
    optimiser["discriminator"].zero_grad()
    loss.backward()
    optimiser["discriminator"].step()
    fake = artist.draw(artist.encoders(rows), noise)
    optimiser["generator"].zero_grad()
    relid(fake, rows.faces, condition).backward()
    optimiser["generator"].step()


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("trained", ["generator", "frozen"])
def test_one_step_moves_every_weight_as_the_obvious_step_does(step: int, trained: str) -> None:
    settings, rows = recipe(trained), batch()
    ours = build_networks(settings, DATA)
    ours.encoders.freeze()
    theirs = copy.deepcopy(ours)
    WORLD.place(ours.artist, ours.discriminator)
    run = GanStep(
        ours, optimisers(ours, settings), critic_trains_conditioner=False, num_identities=6, world=WORLD,
        precision="fp32",
    )  # fmt: skip
    torch.manual_seed(11)
    run(rows, None, step)
    torch.manual_seed(11)
    obvious_step(theirs, optimisers(theirs, settings), rows, step)
    assert ours.artist is not None and theirs.artist is not None and ours.discriminator and theirs.discriminator
    for mine, other in ((ours.artist, theirs.artist), (ours.discriminator, theirs.discriminator)):
        for (name, weight), expected in zip(mine.named_parameters(), other.parameters(), strict=True):
            # Adam's first step is the sign of the gradient: where that is rounding, any direction will do.
            assert (weight - expected).abs().gt(1e-6).float().mean() < 0.02, name


def test_the_generators_phase_leaves_the_discriminator_as_it_was() -> None:
    settings, rows = recipe("frozen"), batch()
    networks = build_networks(settings, DATA)
    networks.encoders.freeze()
    WORLD.place(networks.artist, networks.discriminator)
    step = GanStep(
        networks, optimisers(networks, settings), critic_trains_conditioner=False, num_identities=6, world=WORLD,
        precision="fp32",
    )  # fmt: skip
    assert networks.discriminator is not None
    weights = list(networks.discriminator.parameters())
    condition = step.artist.condition(rows)
    fake = step.artist.draw(condition.generator)
    step._discriminator_phase(rows, condition, fake, 1)
    before = [(weight.detach().clone(), weight.grad.clone()) for weight in weights if weight.grad is not None]
    measures = step._generator_phase(rows, condition, fake)
    assert len(before) == len(weights)
    for weight, (value, gradient) in zip(weights, before, strict=True):
        assert weight.requires_grad and weight.grad is not None
        assert torch.equal(weight, value) and torch.equal(weight.grad, gradient)
    assert not any(value.requires_grad for value in measures.values())


def spectral(**changes: object) -> tuple[GanStep, Networks]:
    settings = recipe("frozen")
    tables = {**settings.tables, "discriminator": {**settings.tables["discriminator"], "spectral_norm": True}}
    settings = check_recipe({**tables, **changes}, "test.toml")
    networks = build_networks(settings, DATA)
    networks.encoders.freeze()
    WORLD.place(networks.artist, networks.discriminator)
    step = GanStep(
        networks, optimisers(networks, settings), critic_trains_conditioner=False, num_identities=6, world=WORLD,
        precision="fp32",
    )  # fmt: skip
    return step, networks


def test_spectral_norm_iterates_once_a_phase_and_all_its_scores_see_the_same_weights() -> None:
    step, networks = spectral()
    assert networks.discriminator is not None
    phi = networks.discriminator.phi.parametrizations.weight  # type: ignore[operator, union-attr]
    weight, left, right = phi.original.detach().clone(), phi[0]._u.clone(), phi[0]._v.clone()
    rows = batch()
    condition = step.artist.condition(rows)
    fake = step.artist.draw(condition.generator)
    step._discriminator_phase(rows, condition, fake, 0)  # R1 is due: second derivatives pass the same weights
    left = functional.normalize(weight @ right, dim=0, eps=1e-12)
    right = functional.normalize(weight.T @ left, dim=0, eps=1e-12)
    assert torch.allclose(phi[0]._u, left, atol=1e-6) and torch.allclose(phi[0]._v, right, atol=1e-6)
    assert not torch.equal(phi.original, weight)
    second = phi.original.detach().clone()
    step._generator_phase(rows, condition, fake)
    left = functional.normalize(second @ right, dim=0, eps=1e-12)
    assert torch.allclose(phi[0]._u, left, atol=1e-6)
    assert torch.equal(phi.original, second)
    assert parametrize._cache == {} and parametrize._cache_enabled == 0


def test_the_gradient_through_spectral_norm_is_that_of_one_set_of_weights() -> None:
    """The discriminator's step, against one with the weights written out as W / (u' W v)."""
    step, networks = spectral(penalty=[{"type": "r1", "r1_gamma": GAMMA}])
    judge = networks.discriminator
    assert judge is not None
    obvious, rows = copy.deepcopy(judge), batch()
    condition = step.artist.condition(rows)
    fake = step.artist.draw(condition.generator)
    step._discriminator_phase(rows, condition, fake, 0)
    obvious.score(obvious.features(rows.faces), condition.critic)  # one iteration
    obvious.eval()  # from here on u and v stay
    real = rows.faces.clone().requires_grad_()
    critic = Critic("discriminator", rows.with_faces(real), condition, obvious, fake)
    (gradient,) = torch.autograd.grad(critic.real.sum(), real, create_graph=True)
    terms = networks.objectives["relid"].discriminator_terms(critic)
    loss = sum(terms.values()) + GAMMA / 2 * gradient.square().sum((1, 2, 3)).mean()
    loss.backward()  # type: ignore[union-attr]
    for (name, weight), expected in zip(judge.named_parameters(), obvious.parameters(), strict=True):
        assert weight.grad is not None and expected.grad is not None
        assert torch.allclose(weight.grad, expected.grad, atol=1e-5, rtol=1e-3), name


def test_without_a_discriminators_loss_only_the_artist_learns() -> None:
    for changes in ({}, {"discriminator": None}):
        tables = {**recipe("generator").tables, "objective": [{"type": "reconstruction"}], "penalty": [], **changes}
        settings = check_recipe({name: table for name, table in tables.items() if table is not None}, "test.toml")
        networks = build_networks(settings, DATA)
        WORLD.place(networks.artist, networks.discriminator)
        found = optimisers(networks, settings) if networks.discriminator is not None else {}
        found |= {"generator": build_optimiser(OptimiserSettings(), trainable(networks.artist))}
        step = GanStep(
            networks, found, critic_trains_conditioner=False, num_identities=6, world=WORLD, precision="fp32"
        )  # fmt: skip
        before = copy.deepcopy(networks)
        assert set(step(batch(), None, 0)) == {"generator/reconstruction/reconstruction"}
        assert networks.artist is not None and before.artist is not None
        moved = [
            not torch.equal(*pair)
            for pair in zip(networks.artist.parameters(), before.artist.parameters(), strict=True)
        ]
        assert all(moved)
        if networks.discriminator is not None and before.discriminator is not None:
            assert not networks.discriminator.training
            for one, other in zip(networks.discriminator.parameters(), before.discriminator.parameters(), strict=True):
                assert torch.equal(one, other)


def test_an_encoder_of_its_own_learns_with_the_discriminator() -> None:
    settings = recipe("separate")
    networks = build_networks(settings, DATA)
    own = networks.critic_encoders
    assert own is not None
    own.start_as(networks.encoders)
    WORLD.place(networks.artist, networks.discriminator, own)
    step = GanStep(
        networks, optimisers(networks, settings), critic_trains_conditioner=True, num_identities=6, world=WORLD,
        precision="fp32",
    )  # fmt: skip
    (copied,), (original,) = own.copies.parameters(), networks.encoders.parameters()
    start = original.detach().clone()
    assert torch.equal(copied, start)
    step(batch(), None, 0)
    assert not torch.equal(copied, start) and not torch.equal(original, start) and not torch.equal(copied, original)
