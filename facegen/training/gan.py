"""The adversarial step: one update of the discriminator, then one of the generator.

condition = conditioners -> transforms;  faces = generator(noise, condition)        drawn once for both phases
discriminator phase:  objectives + penalties that are due, with faces and condition detached
generator phase:      objectives + terms of the condition, with the discriminator frozen
"""

from collections.abc import Callable, Mapping
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.optim import Optimizer

from facegen.core.batch import Batch, Condition, Terms
from facegen.core.critic import Critic, Phase
from facegen.core.interfaces import Augmentation, Discriminator, Objective, Penalty
from facegen.training.build import Networks, trainable
from facegen.training.distributed import Distributed
from facegen.training.face_pipeline import FacePipeline
from facegen.training.freezing import Frozen
from facegen.training.optimisers import autocast
from facegen.training.part_terms import backward, part_terms

Fakes = Callable[[], Tensor]
"""Draws the faces of a step at the first call, and returns the same ones at every later call."""


class GanStep:
    """One step of generator and discriminator, with the least work that is exact.

    The generator's forward pass serves both phases. It runs when a loss first reads the faces: a generator that
    learns as a decoder only sees no other input, so its batch statistics are those of the decoder. Parametrised
    weights are computed once a phase: with spectral norm all scores of a phase see the same weights, and its power
    iteration moves once.

    Training, the dry run and the estimate of `facegen check` execute this object.

    Args:
        networks: with a face pipeline.
        optimisers: by network, "generator" and "discriminator"; one without an entry is not updated.
        critic_trains_conditioner: let gradients of scores reach the condition in the generator phase.
        num_identities: people of the training split.
        distributed: processes over which gradients and logged values are averaged.
        precision: "auto", "fp32" or "bf16".
    """

    def __init__(
        self,
        networks: Networks,
        optimisers: Mapping[str, Optimizer],
        *,
        critic_trains_conditioner: bool,
        num_identities: int,
        distributed: Distributed,
        precision: str,
    ) -> None:
        if networks.face_pipeline is None:
            raise ValueError("the train stage needs a generator")
        self.networks = networks
        self.face_pipeline: FacePipeline = networks.face_pipeline
        self.discriminator: Discriminator = networks.discriminator_or_null
        self.optimisers, self.weights = optimisers, gan_weights(networks)
        self.critic_trains_conditioner = critic_trains_conditioner
        self.num_identities = num_identities
        self.distributed, self.precision = distributed, precision

    def __call__(self, batch: Batch, encoding: Tensor | None, step: int) -> Terms:
        """Update both networks once.

        Args:
            batch: the rows.
            encoding: (B, dim) of the rows, where it is cached.
            step: number of the discriminator step, which decides which penalties are due.
        Returns:
            detached scalars for the log.
        """
        condition, fakes = self.condition_and_fakes(batch, encoding, generator_learns=True)
        log = self.discriminator_phase(batch, condition, fakes, step)
        return log | self.generator_phase(batch, condition, fakes)

    def extra_discriminator_step(self, batch: Batch, encoding: Tensor | None, step: int) -> None:
        """Update the discriminator only, with faces drawn without gradient."""
        condition, fakes = self.condition_and_fakes(batch, encoding, generator_learns=False)
        self.discriminator_phase(batch, condition, fakes, step)

    def condition_and_fakes(
        self, batch: Batch, encoding: Tensor | None, *, generator_learns: bool
    ) -> tuple[Condition, Fakes]:
        """The condition of the rows, and their faces, drawn when they are first read."""
        with torch.set_grad_enabled(generator_learns), self._autocast():
            condition = self.face_pipeline.condition(batch, encoding)

        @cache
        def fakes() -> Tensor:
            # Diagnostics may read them first, without gradient; the generator phase needs the gradient.
            with torch.set_grad_enabled(generator_learns), self._autocast():
                return self.face_pipeline.draw(condition.generator)

        return condition, fakes

    def discriminator_phase(self, batch: Batch, condition: Condition, fakes: Fakes, step: int) -> Terms:
        """Update the discriminator, its encoders and the objectives' own weights.

        L_D = sum of the objectives' discriminator terms + sum over due penalties of every_steps * terms
        """
        due = self.due_penalties(step)
        with self._autocast(), parametrize.cached():
            critic = self._critic("discriminator", batch, condition, fakes, [penalty for penalty, _ in due.values()])
            terms: Terms = {}
            for name, objective in self.networks.objectives.items():
                compute = objective.discriminator_terms
                terms |= part_terms(f"[objective] {name}", f"discriminator/{name}/", compute, critic)
            if not terms:
                self.discriminator.eval()  # it does not learn, so its batch statistics stay, too
                return {}
            for name, (penalty, every_steps) in due.items():
                penalty_terms = part_terms(f"[penalty] {name}", f"{name}/", penalty.terms, critic)
                terms |= {term: value * every_steps for term, value in penalty_terms.items()}
            diagnostics = self._diagnostics(critic)
        self._descend("discriminator", terms)
        with torch.no_grad():
            for penalty, _ in due.values():
                penalty.constrain(self.discriminator)
        log: Terms = {}
        for name, part in self._parts_with_diagnostics().items():
            means = self.distributed.average_terms(diagnostics[name])
            part.update(means)
            log |= {f"{name}/{key}": value for key, value in means.items()}
        return self._averaged(terms) | log

    def generator_phase(self, batch: Batch, condition: Condition, fakes: Fakes) -> Terms:
        """Update the face pipeline.

        L_G = sum of the objectives' generator terms + sum of the condition's terms
        """
        with Frozen(self.discriminator):
            with self._autocast(), parametrize.cached():
                critic = self._critic("generator", batch, condition, fakes, [])
                terms: Terms = {}
                for name, objective in self.networks.objectives.items():
                    compute = objective.generator_terms
                    terms |= part_terms(f"[objective] {name}", f"generator/{name}/", compute, critic)
                terms |= {f"condition/{name}": value for name, value in condition.terms.items()}
            self._descend("generator", terms)
        return self._averaged(terms)

    def due_penalties(self, step: int) -> dict[str, tuple[Penalty, int]]:
        """Penalties of a discriminator step by name, each with its interval."""
        return {name: entry for name, entry in self.networks.penalties.items() if step % entry[1] == 0}

    def _critic(self, phase: Phase, batch: Batch, condition: Condition, fakes: Fakes, due: list[Penalty]) -> Critic:
        return Critic(
            phase, batch, self._critic_condition(phase, batch, condition), self.discriminator, fakes,
            augmentation=self.networks.augmentation,
            grad_inputs=frozenset[str]().union(*(penalty.grad_inputs for penalty in due)),
            draw=self.face_pipeline.draw, num_identities=self.num_identities,
        )  # fmt: skip

    def _critic_condition(self, phase: Phase, batch: Batch, condition: Condition) -> Condition:
        """The condition with a gradient only where a network may move it."""
        own = self.networks.discriminator_encoders
        if own is not None:
            with torch.set_grad_enabled(phase == "discriminator"):
                return condition._replace(critic=own(batch, condition.encoding))
        attached = phase == "generator" and self.critic_trains_conditioner
        return condition if attached else condition._replace(critic=condition.critic.detach())

    def _parts_with_diagnostics(self) -> dict[str, Objective | Augmentation]:
        augmentation = self.networks.augmentation
        return {**self.networks.objectives, **({} if augmentation is None else {"augment": augmentation})}

    @torch.no_grad()
    def _diagnostics(self, critic: Critic) -> dict[str, Terms]:
        diagnostics = {}
        for name, part in self._parts_with_diagnostics().items():
            table = "[augment]" if part is self.networks.augmentation else f"[objective] {name}"
            diagnostics[name] = part_terms(table, "", part.diagnostics, critic)
        return diagnostics

    def _descend(self, side: str, terms: Terms) -> None:
        if side not in self.optimisers:
            return
        for weight in self.weights[side]:
            weight.grad = None  # as zero_grad, which opens a section of torch's profiler for it
        parts = {f"{side}/{name}/": objective for name, objective in self.networks.objectives.items()}
        backward(f"[train] {side}", terms, parts)
        self.distributed.average_gradients(self.weights[side])
        self.optimisers[side].step()

    def _averaged(self, terms: Terms) -> Terms:
        return self.distributed.average_terms({name: value.detach() for name, value in terms.items()})

    def _autocast(self) -> torch.autocast:
        return autocast(self.distributed.device, self.precision)


def gan_weights(networks: Networks) -> dict[str, list[nn.Parameter]]:
    """Weights that each phase trains, by network; a network in which nothing learns is left out.

    The discriminator phase trains the discriminator, its own encoders and the objectives' weights.
    """
    weights = {
        "generator": trainable(networks.face_pipeline),
        "discriminator": trainable(
            networks.discriminator, networks.discriminator_encoders, *networks.objectives.values()
        ),
    }
    return {side: learning for side, learning in weights.items() if learning}
