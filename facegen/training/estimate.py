"""What a recipe would cost, worked out on the meta device: no data, no memory, no time."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from facegen.core.batch import Batch, DataSpec, Terms
from facegen.core.critic import Critic
from facegen.core.recipe import Recipe
from facegen.training.build import Networks
from facegen.training.loop import weighted_sum

REACHED_SHARE = 0.5
"""Share of a lone convolution's rate that whole steps reach: 0.50 and 0.61 in the stages of the small preset on two
CPU cores (ours)."""
BYTES_A_WEIGHT = 16
"""A float32 weight, its gradient and Adam's two moments."""


@dataclass(frozen=True)
class StageCost:
    """What one stage costs.

    Attributes:
        name: of the stage.
        steps, batch_size: as the recipe says.
        num_weights: that learn.
        step_flops: floating-point operations of a step.
        memory_bytes: of weights, their optimiser, and what the backward pass keeps.
    """

    name: str
    steps: int
    batch_size: int
    num_weights: int
    step_flops: float
    memory_bytes: float

    def seconds(self, flops_a_second: float) -> float:
        """Time of the whole stage on a machine with that rate."""
        return self.steps * self.step_flops / (REACHED_SHARE * flops_a_second)


def estimate_costs(recipe: Recipe, networks: Networks, data: DataSpec) -> list[StageCost]:
    """The cost of every stage.

    Args:
        recipe: checked.
        networks: on the meta device, as `dry_run` returns them.
        data: what the corpus is.
    """
    found = []
    matcher, discriminator, pipeline = recipe.one("matcher"), networks.discriminator, networks.face_pipeline
    if matcher is not None and matcher.engine.run is None:
        modules = [networks.encoders, discriminator, networks.matcher]
        size = matcher.engine.batch_size
        found.append(_cost("match", matcher.engine.steps, size, modules, lambda: _match_loss(networks, data, size)))
    if recipe.train is not None and pipeline is not None:
        networks.encoders.freeze()
        size = recipe.train.batch_size
        work = SimpleNamespace(networks=networks, data=data, size=size, critic_steps=recipe.train.critic_steps)
        found.append(_cost("train", recipe.train.steps, size, [pipeline, discriminator], lambda: _gan_losses(work)))
    return found


def _cost(
    name: str, steps: int, size: int, modules: Sequence[nn.Module | None], losses: Callable[[], list[Tensor]]
) -> StageCost:
    weights = {id(weight): weight for module in modules if module is not None for weight in module.parameters()}
    learning = sum(weight.numel() for weight in weights.values() if weight.requires_grad)
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage()._cdata] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.device("meta"), FlopCounterMode(display=False) as counter, saved_tensors_hooks(keep, lambda it: it):
        for loss in losses():
            loss.backward()
    memory = learning * BYTES_A_WEIGHT + sum(kept.values())
    return StageCost(name, steps, size, learning, float(counter.get_total_flops()), float(memory))


def _match_loss(networks: Networks, data: DataSpec, size: int) -> list[Tensor]:
    matcher, discriminator = networks.matcher, networks.discriminator
    if matcher is None:
        return []
    batch = Batch.blank(data, size, max(matcher.num_mismatched, 1), device="meta")
    embedding = None
    if matcher.needs_faces and discriminator is not None:
        embedding = discriminator.embed(discriminator.features(batch.faces))
    return [weighted_sum(matcher.terms(networks.encoders(batch), embedding, batch))]


def _gan_losses(work: SimpleNamespace) -> list[Tensor]:
    networks: Networks = work.networks
    pipeline, discriminator = networks.face_pipeline, networks.discriminator_or_null
    if pipeline is None:
        return []
    batch = Batch.blank(work.data, work.size, max(networks.num_mismatched, 1), device="meta")
    condition = pipeline.condition(batch)
    fakes = cache(lambda: pipeline.draw(condition.generator))
    seen = condition._replace(critic=condition.critic.detach())
    losses = []
    for _ in range(work.critic_steps):
        critic = Critic("discriminator", batch, seen, discriminator, fakes)
        terms: Terms = {}
        for name, objective in networks.objectives.items():
            terms |= {f"{name}/{term}": value for term, value in objective.discriminator_terms(critic).items()}
        losses += [weighted_sum(terms)] if terms else []
    critic = Critic("generator", batch, seen, discriminator, fakes, draw=pipeline.draw)
    terms = dict(condition.terms)
    for name, objective in networks.objectives.items():
        terms |= {f"{name}/{term}": value for term, value in objective.generator_terms(critic).items()}
    return [*losses, weighted_sum(terms)]


def measure_rate(device: torch.device, seconds: float = 0.5) -> float:
    """Floating-point operations a second of a middling convolution, forward and backward, on this machine."""
    faces = torch.randn(32, 64, 32, 32, device=device).to(memory_format=torch.channels_last).requires_grad_()
    weight = torch.randn(64, 64, 3, 3, device=device, requires_grad=True)

    def once() -> None:
        F.conv2d(faces, weight, padding=1).sum().backward()
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    once()
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        once()
        count += 1
    return 3 * 2 * 32 * 32 * 32 * 64 * 64 * 9 * count / (time.perf_counter() - start)
