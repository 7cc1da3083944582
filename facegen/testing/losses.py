"""Checks of what is minimised: objectives, penalties, matchers."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from facegen.core.batch import DataSpec, Terms
from facegen.core.critic import Critic, Phase
from facegen.core.interfaces import Discriminator, Matcher, Objective, Penalty
from facegen.testing.expect import (
    any_loss,
    expect,
    expect_finite_gradients,
    expect_reached,
    expect_same_keys,
    expect_shape,
    expect_terms,
    without_host_sync,
)
from facegen.testing.samples import (
    CONDITION_DIM,
    ROWS,
    SampleDiscriminator,
    sample_batch,
    sample_critic,
    sample_discriminator,
)

HEADS = SampleDiscriminator.supported_heads


def check_objective(objective: Objective, data: DataSpec) -> None:
    """Terms are finite scalars whose keys stay, gradients arrive where they should, nothing waits for the host."""
    unknown = sorted(set(objective.heads) - HEADS)
    expect(not unknown, f"asks for heads {', '.join(unknown)}; there are {', '.join(sorted(HEADS))}")

    def critic(phase: Phase, seed: int = 0) -> tuple[Critic, Discriminator]:
        judge = sample_discriminator(objective.heads, data, seed)
        return sample_critic(phase, judge, num_mismatched=objective.num_mismatched, data=data, seed=seed), judge

    _check_steps(lambda seed: critic("discriminator", seed)[0], objective.discriminator_terms, "discriminator_terms")
    _check_steps(lambda seed: critic("generator", seed)[0], objective.generator_terms, "generator_terms")
    drawing, (judging, judge) = critic("generator")[0], critic("discriminator")
    drawn, judged = objective.generator_terms(drawing), objective.discriminator_terms(judging)
    expect(bool(drawn or judged), "has no terms in either phase")
    if drawn:
        expect_reached(any_loss(drawn.values()), drawing.fake_faces, "the generated faces in generator_terms")
    if judged:
        _expect_trains(any_loss(judged.values()), judge, "discriminator_terms")
        expect_finite_gradients(objective, any_loss(judged.values()))
    _check_measures(objective, lambda seed: critic("discriminator", seed)[0])


def check_penalty(penalty: Penalty, data: DataSpec) -> None:
    """Terms are finite scalars that reach the discriminator; `constrain` leaves its weights finite."""
    sides = frozenset(penalty.grad_inputs)
    expect(sides <= {"real", "fake"}, f"grad_inputs = {set(sides)}: may hold 'real' and 'fake'")
    _check_steps(
        lambda seed: sample_critic("discriminator", grad_inputs=sides, data=data, seed=seed), penalty.terms, "terms"
    )
    judge = sample_discriminator(data=data)
    terms = penalty.terms(sample_critic("discriminator", judge, grad_inputs=sides, data=data))
    if terms:
        _expect_trains(any_loss(terms.values()), judge, "terms")
    with torch.no_grad():
        penalty.constrain(judge)
    for name, weight in judge.named_parameters():
        expect(bool(torch.isfinite(weight).all()), f"constrain leaves '{name}' not finite")


def check_matcher(matcher: Matcher, data: DataSpec) -> None:
    """Terms are finite scalars that reach encodings, embeddings and weights; logits rank each row's candidates."""
    encoding, embedding = torch.randn(ROWS, CONDITION_DIM), torch.randn(ROWS, CONDITION_DIM)
    encoding.requires_grad_()
    faces = embedding.requires_grad_() if matcher.needs_faces else None
    batch = sample_batch(data, num_mismatched=matcher.num_mismatched)
    terms = matcher.terms(encoding, faces, batch)
    expect(bool(terms), "has no terms")
    expect_terms(terms, "terms")
    other = torch.randn(ROWS, CONDITION_DIM)
    expect_same_keys(terms, matcher.terms(other, None if faces is None else other.flip(0), batch), "terms")
    expect_reached(any_loss(terms.values()), encoding, "the encodings")
    if faces is not None and matcher.trains_faces:
        expect_reached(any_loss(terms.values()), faces, "the embeddings of the faces")
    expect_finite_gradients(matcher, any_loss(terms.values()))
    with without_host_sync("terms"):
        matcher.terms(torch.randn(ROWS, CONDITION_DIM), None if faces is None else torch.randn_like(other), batch)
    matcher.update({name: term.detach() for name, term in terms.items()})
    num = min(3, matcher.max_candidates or 3)
    candidates = torch.randn(ROWS, num, CONDITION_DIM)
    directions: tuple[Literal["v2f", "f2v"], ...] = ("v2f", "f2v") if matcher.needs_faces else ("v2f",)
    matcher.eval()
    for direction in directions:
        logits = matcher.logits(other, candidates, direction=direction)
        expect_shape(logits, (ROWS, num), f"logits in direction {direction}")
        few = matcher.logits(other[:2], candidates[:2], direction=direction)
        expect(torch.allclose(few, logits[:2], atol=1e-5), "the logits of a row depend on the other rows")


def _check_steps(critic: Callable[[int], Critic], terms_of: Callable[[Critic], Terms], what: str) -> None:
    first, second = terms_of(critic(0)), terms_of(critic(1))
    expect_terms(first, what)
    expect_same_keys(first, second, what)
    with without_host_sync(what):
        terms_of(critic(0))


def _check_measures(objective: Objective, critic: Callable[[int], Critic]) -> None:
    diagnostics = objective.diagnostics(critic(0))
    expect_terms(diagnostics, "diagnostics")
    for name, measure in diagnostics.items():
        expect(not measure.requires_grad, f"measure '{name}' is not detached")
    objective.update(diagnostics)
    expect_same_keys(diagnostics, objective.diagnostics(critic(1)), "diagnostics")
    with without_host_sync("diagnostics and update"):
        objective.update(objective.diagnostics(critic(0)))


def _expect_trains(loss: Tensor, discriminator: Discriminator, what: str) -> None:
    expect(loss.requires_grad, f"{what} has no gradient: is it detached?")
    weights = list(discriminator.parameters())
    gradients = [
        gradient
        for gradient in torch.autograd.grad(loss, weights, allow_unused=True, retain_graph=True)
        if gradient is not None
    ]
    expect(any(bool((gradient != 0).any()) for gradient in gradients), f"{what} does not reach the discriminator")
    finite = all(bool(torch.isfinite(gradient).all()) for gradient in gradients)
    expect(finite, f"the discriminator's gradient of {what} is not finite")
