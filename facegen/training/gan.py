"""One step of generator against discriminator: the least work that is exact."""

from collections.abc import Callable, Mapping
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.optim import Optimizer

from facegen.core.batch import Batch, Condition, Terms
from facegen.core.critic import Critic, Phase
from facegen.core.interfaces import Augmentation, Discriminator, Objective, Penalty
from facegen.core.schedule import advance_schedules
from facegen.training.build import Networks, trainable
from facegen.training.distributed import Distributed
from facegen.training.face_pipeline import FacePipeline, unique_name
from facegen.training.freezing import Frozen
from facegen.training.loop import weighted_sum
from facegen.training.optimisers import autocast

Fakes = Callable[[], Tensor]


class GanStep:
    """Both phases of a step.

    The generator's forward pass serves both phases: its faces are detached for the discriminator, and the
    discriminator is frozen while they are judged again for the generator. It waits until something reads its faces:
    a generator that learns as a decoder alone sees no other input, so that its batch statistics are the decoder's.
    With several critic steps the further ones draw fresh batches and noise without gradient. Parametrised weights are
    computed once a phase: with spectral norm, all scores of a phase then see the same weights, and its power iteration
    moves once.

    Args:
        networks: with a face pipeline.
        optimisers: "generator", and "discriminator" where anything learns in its phase.
        critic_trains_conditioner: scores may move the condition in the generator's phase.
        num_identities: people of the training split.
        world, precision: where and how it computes.
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
        self.optimisers = optimisers
        self.critic_trains_conditioner = critic_trains_conditioner
        self.num_identities = num_identities
        self.distributed, self.precision = distributed, precision
        self.generator_weights = trainable(networks.face_pipeline)
        self.discriminator_weights = discriminator_weights(networks)
        self._penalties: dict[str, tuple[Penalty, int]] = {}
        for penalty, every in networks.penalties:
            self._penalties[unique_name(type(penalty).__name__.lower(), self._penalties)] = penalty, every
        self._measuring: dict[str, Objective | Augmentation] = {**networks.objectives}
        if networks.augmentation is not None:
            self._measuring["augment"] = networks.augmentation

    def extra_critic_step(self, batch: Batch, encoding: Tensor | None, step: int) -> None:
        """A discriminator step with faces that the generator does not learn from."""
        with torch.no_grad(), self._autocast():
            condition = self.face_pipeline.condition(batch, encoding)
        self._discriminator_phase(batch, condition, self._fakes(condition, learn=False), step)

    def __call__(self, batch: Batch, encoding: Tensor | None, step: int) -> Terms:
        """One step of both networks.

        Args:
            batch: the rows.
            encoding: theirs, where it is known already.
            step: which one of the discriminator's; penalties fall due by it.
        Returns:
            what to log, detached.
        """
        with self._autocast():
            condition = self.face_pipeline.condition(batch, encoding)
        fakes = self._fakes(condition, learn=True)
        measures = self._discriminator_phase(batch, condition, fakes, step)
        return measures | self._generator_phase(batch, condition, fakes)

    def _autocast(self) -> torch.autocast:
        return autocast(self.distributed.device, self.precision)

    def _fakes(self, condition: Condition, *, learn: bool) -> Fakes:
        """What draws a step's faces at the first call and returns the same ones at every other."""

        @cache
        def fakes() -> Tensor:
            # The first to read them may do so without gradient, as measures do; the generator's phase needs one.
            with torch.set_grad_enabled(learn), self._autocast():
                return self.face_pipeline.draw(condition.generator)

        return fakes

    def _critic(self, phase: Phase, batch: Batch, condition: Condition, fakes: Fakes, leaves: frozenset[str]) -> Critic:
        return Critic(
            phase, batch, condition, self.discriminator, fakes,
            augmentation=self.networks.augmentation, grad_inputs=leaves, draw=self.face_pipeline.draw,
            num_identities=self.num_identities,
        )  # fmt: skip

    def _seen_by_critic(self, batch: Batch, condition: Condition, phase: Phase) -> Condition:
        """The condition with gradient only where a network may move it."""
        own = self.networks.discriminator_encoders
        if own is not None:
            with torch.set_grad_enabled(phase == "discriminator"):
                return condition._replace(critic=own(batch, condition.encoding))
        attached = phase == "generator" and self.critic_trains_conditioner
        return condition if attached else condition._replace(critic=condition.critic.detach())

    def _discriminator_phase(self, batch: Batch, condition: Condition, fakes: Fakes, step: int) -> Terms:
        due = {name: (penalty, every) for name, (penalty, every) in self._penalties.items() if step % every == 0}
        leaves = frozenset[str]().union(*(penalty.grad_inputs for penalty, _ in due.values()))
        with self._autocast(), parametrize.cached():
            seen = self._seen_by_critic(batch, condition, "discriminator")
            critic = self._critic("discriminator", batch, seen, fakes, leaves)
            terms = {
                f"discriminator/{name}/{term}": value
                for name, objective in self.networks.objectives.items()
                for term, value in objective.discriminator_terms(critic).items()
            }
            if not terms:
                self.discriminator.eval()  # it stays as it is, and so do its batch statistics
                return {}
            for name, (penalty, every) in due.items():
                terms |= {f"{name}/{term}": value * every for term, value in penalty.terms(critic).items()}
            measures = self._measures(critic)
        self._descend("discriminator", terms, self.discriminator_weights)
        with torch.no_grad():
            for penalty, _ in due.values():
                penalty.constrain(self.discriminator)
        for name, owner in self._measuring.items():
            measures[name] = self.distributed.average_terms(measures[name])
            owner.update(measures[name])
        losses = self.distributed.average_terms({name: value.detach() for name, value in terms.items()})
        return losses | {f"{name}/{key}": value for name, found in measures.items() for key, value in found.items()}

    @torch.no_grad()
    def _measures(self, critic: Critic) -> dict[str, Terms]:
        return {name: owner.diagnostics(critic) for name, owner in self._measuring.items()}

    def _generator_phase(self, batch: Batch, condition: Condition, fakes: Fakes) -> Terms:
        with Frozen(self.discriminator):
            with self._autocast(), parametrize.cached():
                seen = self._seen_by_critic(batch, condition, "generator")
                critic = self._critic("generator", batch, seen, fakes, frozenset())
                terms = {
                    f"generator/{name}/{term}": value
                    for name, objective in self.networks.objectives.items()
                    for term, value in objective.generator_terms(critic).items()
                }
                terms |= {f"condition/{name}": value for name, value in condition.terms.items()}
            self._descend("generator", terms, self.generator_weights)
        return self.distributed.average_terms({name: value.detach() for name, value in terms.items()})

    def _descend(self, side: str, terms: Terms, weights: list[nn.Parameter]) -> None:
        self.optimisers[side].zero_grad(set_to_none=True)
        weighted_sum(terms).backward()
        self.distributed.average_gradients(weights)
        self.optimisers[side].step()


def discriminator_weights(networks: Networks) -> list[nn.Parameter]:
    """What learns in the discriminator's phase: its own weights, its conditioners' and its objectives'."""
    return trainable(networks.discriminator, networks.discriminator_encoders, *networks.objectives.values())


def advance_schedules_of(networks: Networks, step: int) -> None:
    """Fill the schedules of everything that learns; a draft's stay where its own training left them."""
    owners: list[nn.Module | None] = [*networks.objectives.values(), *(penalty for penalty, _ in networks.penalties)]
    own = () if networks.face_pipeline is None else networks.face_pipeline.own
    for module in [*owners, networks.augmentation, *own]:
        if module is not None:
            advance_schedules(module, step)
