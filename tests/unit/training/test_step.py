"""The step does less work than the obvious one, and arrives at the same weights."""

import copy

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from facegen.core.batch import Batch, DataSpec
from facegen.core.recipe import Recipe, check_recipe
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
