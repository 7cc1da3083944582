"""The GAN step: it computes less than a direct implementation, and gives the same weights."""

import copy
from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from facegen.core.batch import Batch, DataSpec
from facegen.core.critic import Critic
from facegen.core.interfaces import Augmentation
from facegen.core.recipe.recipe import Recipe, check_recipe
from facegen.training.build import Networks, build_networks
from facegen.training.distributed import Distributed
from facegen.training.gan import GanStep, gan_weights

WORLD = Distributed(0, 1, torch.device("cpu"))
DATA = DataSpec(16, identities=tuple("abcdef"), columns=frozenset({"faces", "identity"}))
GAMMA, EVERY, RATE = 0.7, 4, 0.1


def recipe(trained: str = "frozen", **tables: object) -> Recipe:
    """Build a small recipe; a table that is None is left out."""
    recipe_tables = {
        "data": {"type": "synthetic"},
        "conditioner": [{"type": "one_hot", "condition_dim": 6, "trained": trained}],
        "generator": {"type": "adain", "noise_dim": 5, "width": 4, "max_width": 8},
        "discriminator": {"type": "projection", "width": 4, "max_width": 8, "negative_slope": 0.2},
        "objective": [{"type": "relid", "form": "single_sigmoid"}],
        "penalty": [{"type": "r1", "r1_gamma": GAMMA, "every_steps": EVERY}],
        "train": {"steps": 10},
        **tables,
    }
    return check_recipe({name: table for name, table in recipe_tables.items() if table is not None}, "test.toml")


def batch() -> Batch:
    torch.manual_seed(3)
    blank = Batch.blank(DATA, 6)
    return blank.with_faces(torch.rand_like(blank.faces) * 2 - 1)


def optimisers(networks: Networks) -> dict[str, torch.optim.Optimizer]:
    """Return plain gradient descent, so that the change of a weight is proportional to its gradient."""
    return {side: torch.optim.SGD(weights, RATE) for side, weights in gan_weights(networks).items()}


def step_of(networks: Networks, *, critic_trains_conditioner: bool = False) -> GanStep:
    networks.encoders.freeze()
    WORLD.place(networks.face_pipeline, networks.discriminator, networks.discriminator_encoders)
    return GanStep(
        networks, optimisers(networks), critic_trains_conditioner=critic_trains_conditioner, num_identities=6,
        distributed=WORLD, precision="fp32",
    )  # fmt: skip


class Fade(Augmentation):
    """An augmentation without randomness, so that two implementations of a step can be compared."""

    def forward(self, faces: Tensor) -> Tensor:
        return 0.5 * faces + 0.1


def obvious_step(networks: Networks, rows: Batch, step: int, attached: bool) -> None:
    """Take a step with a trunk pass for each score, and new faces for the generator's phase."""
    pipeline, critic, optimiser = networks.face_pipeline, networks.discriminator, optimisers(networks)
    assert pipeline is not None and critic is not None
    change = networks.augmentation or nn.Identity()
    noise = pipeline.generator.noise(len(rows), WORLD.device)
    stranger = rows.mismatched_rows[:, 0]

    def score(faces: Tensor, condition: Tensor) -> Tensor:
        return critic.score(critic.features(change(faces)), condition)

    def relid(winner: Tensor, loser: Tensor, condition: Tensor) -> Tensor:
        own = score(winner, condition)
        return functional.softplus(score(loser, condition) - own + score(winner, condition[stranger]) - own).mean()

    condition = pipeline.encoders(rows).detach()
    real = rows.faces.clone().requires_grad_()
    loss = relid(real, pipeline.draw(condition, noise).detach(), condition)
    if step % EVERY == 0:
        (gradient,) = torch.autograd.grad(score(real, condition).sum(), real, create_graph=True)
        loss = loss + EVERY * GAMMA / 2 * gradient.square().sum((1, 2, 3)).mean()
    optimiser["discriminator"].zero_grad()
    loss.backward()
    optimiser["discriminator"].step()
    own = pipeline.encoders(rows)
    fake = pipeline.draw(own, noise)
    optimiser["generator"].zero_grad()
    relid(fake, rows.faces, own if attached else condition).backward()
    optimiser["generator"].step()


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize(
    ("trained", "attached", "augmentation"),
    [("generator", False, None), ("generator", True, None), ("frozen", False, None), ("frozen", False, Fade())],
)
def test_one_step_moves_every_weight_as_the_obvious_step_does(
    step: int, trained: str, attached: bool, augmentation: Augmentation | None
) -> None:
    rows, ours = batch(), replace(build_networks(recipe(trained), DATA), augmentation=augmentation)
    run = step_of(ours, critic_trains_conditioner=attached)
    before, theirs = copy.deepcopy(ours), copy.deepcopy(ours)
    torch.manual_seed(11)
    run(rows, None, step)
    torch.manual_seed(11)
    obvious_step(theirs, rows, step, attached)
    for mine, other, start in zip(weights_of(ours), weights_of(theirs), weights_of(before), strict=True):
        for name, weight in mine.items():
            moved, expected = weight - start[name], other[name] - start[name]
            assert (moved - expected).norm() <= 1e-3 * expected.norm() + 1e-7, name


def weights_of(networks: Networks) -> tuple[Mapping[str, Tensor], Mapping[str, Tensor]]:
    assert networks.face_pipeline is not None and networks.discriminator is not None
    pipeline, discriminator = networks.face_pipeline.named_parameters(), networks.discriminator.named_parameters()
    return {name: value.detach() for name, value in pipeline}, {name: value.detach() for name, value in discriminator}


def test_the_generators_phase_leaves_the_discriminator_as_it_was() -> None:
    networks, rows = build_networks(recipe(), DATA), batch()
    step = step_of(networks)
    assert networks.discriminator is not None
    weights = list(networks.discriminator.parameters())
    condition, fakes = step.condition_and_fakes(rows, None, generator_learns=True)
    step.discriminator_phase(rows, condition, fakes, 1)
    before = [(weight.detach().clone(), weight.grad.clone()) for weight in weights if weight.grad is not None]
    measures = step.generator_phase(rows, condition, fakes)
    assert len(before) == len(weights)
    for weight, (value, gradient) in zip(weights, before, strict=True):
        assert weight.requires_grad and weight.grad is not None
        assert torch.equal(weight, value) and torch.equal(weight.grad, gradient)
    assert not any(value.requires_grad for value in measures.values())


def spectral(**changes: object) -> tuple[GanStep, Networks]:
    discriminator = {**recipe().tables["discriminator"], "spectral_norm": True}
    networks = build_networks(recipe(discriminator=discriminator, **changes), DATA)
    return step_of(networks), networks


def test_spectral_norm_iterates_once_a_phase_and_all_its_scores_see_the_same_weights() -> None:
    step, networks = spectral()
    assert networks.discriminator is not None
    phi = networks.discriminator.phi.parametrizations.weight  # type: ignore[operator, union-attr]
    weight, left, right = phi.original.detach().clone(), phi[0]._u.clone(), phi[0]._v.clone()
    rows = batch()
    condition, fakes = step.condition_and_fakes(rows, None, generator_learns=True)
    step.discriminator_phase(rows, condition, fakes, 0)  # R1 is due: second derivatives pass the same weights
    left = functional.normalize(weight @ right, dim=0, eps=1e-12)
    right = functional.normalize(weight.T @ left, dim=0, eps=1e-12)
    assert torch.allclose(phi[0]._u, left, atol=1e-6) and torch.allclose(phi[0]._v, right, atol=1e-6)
    assert not torch.equal(phi.original, weight)
    second = phi.original.detach().clone()
    step.generator_phase(rows, condition, fakes)
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
    condition, fakes = step.condition_and_fakes(rows, None, generator_learns=True)
    step.discriminator_phase(rows, condition, fakes, 0)
    obvious.score(obvious.features(rows.faces), condition.critic)  # one iteration
    obvious.eval()  # from here on u and v stay
    real = rows.faces.clone().requires_grad_()
    critic = Critic("discriminator", rows.with_faces(real), condition, obvious, fakes)
    (gradient,) = torch.autograd.grad(critic.real.sum(), real, create_graph=True)
    terms = networks.objectives["relid"].discriminator_terms(critic)
    loss = sum(terms.values()) + GAMMA / 2 * gradient.square().sum((1, 2, 3)).mean()
    loss.backward()  # type: ignore[union-attr]
    for (name, weight), expected in zip(judge.named_parameters(), obvious.parameters(), strict=True):
        assert weight.grad is not None and expected.grad is not None
        assert torch.allclose(weight.grad, expected.grad, atol=1e-5, rtol=1e-3), name


def test_without_a_discriminators_loss_only_the_face_pipeline_learns() -> None:
    for changes in ({}, {"discriminator": None}):
        settings = recipe("generator", objective=[{"type": "reconstruction"}], penalty=[], **changes)
        networks = build_networks(settings, DATA)
        step = step_of(networks)
        before = copy.deepcopy(networks)
        assert set(step(batch(), None, 0)) == {"generator/reconstruction/reconstruction"}
        assert networks.face_pipeline is not None and before.face_pipeline is not None
        moved = [
            not torch.equal(*pair)
            for pair in zip(networks.face_pipeline.parameters(), before.face_pipeline.parameters(), strict=True)
        ]
        assert all(moved)
        if networks.discriminator is not None and before.discriminator is not None:
            assert not networks.discriminator.training
            for one, other in zip(networks.discriminator.parameters(), before.discriminator.parameters(), strict=True):
                assert torch.equal(one, other)


def test_an_encoder_of_its_own_learns_with_the_discriminator() -> None:
    networks = build_networks(recipe("separate"), DATA)
    own = networks.discriminator_encoders
    assert own is not None
    own.start_as(networks.encoders)
    step = step_of(networks)
    (copied,), (original,) = own.copies.parameters(), networks.encoders.parameters()
    start = original.detach().clone()
    assert torch.equal(copied, start)
    step(batch(), None, 0)
    assert not torch.equal(copied, start) and not torch.equal(original, start) and not torch.equal(copied, original)


DECODER = {"objective": [{"type": "reconstruction", "source": "embedding"}], "match": {"type": "contrastive"}}


@pytest.mark.parametrize(
    ("tables", "further", "whole"),
    [
        (DECODER, 0, 1),
        ({"objective": [{"type": "reconstruction"}]}, 0, 1),
        ({}, 1, 1),
        ({"objective": [{"type": "relid"}, {"type": "manifold_interpolation"}]}, 1, 2),
    ],
)
def test_the_generator_draws_what_is_read_and_no_more(tables: dict[str, object], further: int, whole: int) -> None:
    """`further` counts passes of an extra step of the discriminator, `whole` those of a whole step."""
    networks, passes = build_networks(recipe(**tables), DATA), []
    step = step_of(networks)
    step.face_pipeline.generator.register_forward_hook(lambda *_: passes.append(torch.is_grad_enabled()))
    step.extra_discriminator_step(batch(), None, 0)
    assert passes == [False] * further
    step(batch(), None, 1)
    assert passes[further:] == [True] * whole


def test_batch_statistics_of_a_decoder_are_those_of_what_it_decodes() -> None:
    generator = {"type": "dcgan", "noise_dim": 0, "width": 4, "max_width": 8}
    networks, rows = build_networks(recipe(**DECODER, generator=generator), DATA), batch()
    step, judge = step_of(networks), networks.discriminator
    assert judge is not None
    alone = copy.deepcopy(step.face_pipeline.generator)
    step(rows, None, 0)
    alone(torch.empty(len(rows), 0), judge.embed(judge.features(rows.faces)))
    for (name, buffer), expected in zip(step.face_pipeline.generator.named_buffers(), alone.buffers(), strict=True):
        assert torch.equal(buffer, expected), name
    assert any("running_mean" in name for name, _ in alone.named_buffers())


def test_faces_that_are_first_read_without_gradient_still_teach_the_generator() -> None:
    step = step_of(build_networks(recipe(), DATA))
    for learn in (True, False):
        _, fakes = step.condition_and_fakes(batch(), None, generator_learns=learn)
        with torch.no_grad():
            fakes()
        assert fakes().requires_grad == learn


def test_the_balance_of_began_follows_its_measure() -> None:
    began = {"type": "began", "diversity_ratio": 1.0, "balance_rate": 0.1}
    discriminator = {"type": "autoencoder", "num_filters": 4, "hidden_dim": 4}
    networks = build_networks(recipe(objective=[began], penalty=[], discriminator=discriminator), DATA)
    step, k = step_of(networks), 0.0
    for number in range(2):
        logged = step(batch(), None, number)
        assert logged["began/k"].item() == pytest.approx(k)
        k = min(max(k + 0.1 * logged["began/balance"].item(), 0.0), 1.0)
        assert k > 0 and networks.objectives["began"].k.item() == pytest.approx(k)  # type: ignore[operator, union-attr]


def test_the_probability_of_adaptive_changes_follows_the_scores() -> None:
    augment = {"type": "adaptive", "target": -0.99, "adjust_images": 12.0}
    step = step_of(build_networks(recipe(augment=augment), DATA))
    probability = [step(batch(), None, number)["augment/probability"].item() for number in range(3)]
    assert probability == pytest.approx([0.0, 0.5, 0.8])  # six rows a step, and at most 0.8


def test_weights_are_clipped_after_the_discriminators_step() -> None:
    networks = build_networks(recipe(penalty=[{"type": "weight_clip", "clip": 0.01}]), DATA)
    step_of(networks)(batch(), None, 0)
    assert networks.discriminator is not None
    largest = max(weight.abs().max().item() for weight in networks.discriminator.parameters())
    assert largest == pytest.approx(0.01)


def test_the_divergence_of_a_condition_teaches_its_transform() -> None:
    """No other term has weight, so that the step is the gradient of weight mean(mu^2 + exp(v) - 1 - v) / 2."""
    condition = [{"type": "conditioning_augmentation", "width": 3, "kl_weight": 2.0}]
    silent = [{"type": "reconstruction", "reconstruction_weight": 0.0}]
    networks = build_networks(recipe(condition=condition, objective=silent, penalty=[]), DATA)
    step, rows = step_of(networks), batch()
    (weight, bias) = step.face_pipeline.transforms[0].projection.parameters()  # type: ignore[union-attr]
    before, encoding = weight.detach().double().clone(), step.face_pipeline.encoders(rows).double()
    mean, log_variance = (encoding @ before.T + bias.detach().double()).chunk(2, dim=1)
    by_output = torch.cat([2 * mean, log_variance.exp() - 1], dim=1) / mean.numel()  # 2.0 / 2 of the weight
    logged = step(rows, None, 0)
    divergence = (mean.square() + log_variance.exp() - 1 - log_variance).mean()
    assert logged["condition/kl"].item() == pytest.approx(divergence.item(), rel=1e-5)
    torch.testing.assert_close((weight.double() - before) / -RATE, by_output.T @ encoding, rtol=1e-3, atol=1e-5)


def test_two_penalties_of_one_type_both_count() -> None:
    penalties = [{"type": "r1", "r1_gamma": GAMMA}, {"type": "r1", "r1_gamma": 3 * GAMMA}, {"type": "r2"}]
    logged = step_of(build_networks(recipe(penalty=penalties), DATA))(batch(), None, 0)
    assert {"r1/r1", "r1_2/r1", "r2/r2"} <= logged.keys()
    assert logged["r1_2/r1"].item() == pytest.approx(3 * logged["r1/r1"].item())


def test_objectives_and_penalties_are_named_by_their_types_in_the_recipe() -> None:
    objective = [{"type": "relid"}, {"type": "reconstruction"}, {"type": "reconstruction", "distance": "l2"}]
    penalty = [{"type": "gradient_penalty"}, {"type": "r1"}, {"type": "r1"}]
    networks = build_networks(recipe(objective=objective, penalty=penalty), DATA)
    assert list(networks.objectives) == ["relid", "reconstruction", "reconstruction_2"]
    assert list(networks.penalties) == ["gradient_penalty", "r1", "r1_2"]
