"""The adversarial step as it is written at first: nothing is computed once that could be computed twice.

It gives the same weights as the engine's step, up to rounding. The tests compare both for every objective.
"""

from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn import functional

from facegen.core.batch import Batch, Condition, Terms
from facegen.core.critic import Critic, Phase
from facegen.parts.generators.adain import AdaptiveInstanceNorm
from facegen.parts.layers.folded import ConvPool2d, UpsampleConv2d
from facegen.parts.layers.segan_blocks import SeganBlock
from facegen.training.gan import GanStep

SCORES = (
    "real", "fake", "mismatched", "fake_mismatched", "mismatched_all", "fake_mismatched_all", "real_unconditional",
    "fake_unconditional", "real_classes", "fake_classes", "real_reconstruction", "fake_reconstruction",
    "real_embedding", "fake_embedding",
)  # fmt: skip


class PlainCritic(Critic):
    """Critic that runs the backbone for every score that is read, and real and generated faces apart."""

    @property
    def real_features(self) -> Tensor:  # type: ignore[override]
        return self._discriminator.features(self.real_augmented)

    @property
    def fake_features(self) -> Tensor:  # type: ignore[override]
        return self._discriminator.features(self.fake_augmented)


for _score in SCORES:
    setattr(PlainCritic, _score, property(vars(Critic)[_score].func))


class AttachedCritic(PlainCritic):
    """Critic whose generated faces keep their gradient in the discriminator's phase, too."""

    @cached_property
    def fake_faces(self) -> Tensor:
        assert isinstance(self._fake_faces, Tensor)
        return self._fake_faces


class PlainStep(GanStep):
    """One step of generator and discriminator, each with its own pass of the conditioners and of the generator.

    Gradients of the discriminator's weights are computed in the generator's phase as well, and not used.
    """

    critic_kind: type[PlainCritic] = PlainCritic

    def __call__(self, batch: Batch, encoding: Tensor | None, step: int) -> Terms:
        """Update both networks once; both phases draw the same noise."""
        state = torch.get_rng_state()
        condition, critic = self._phase("discriminator", batch, encoding, step)
        terms: Terms = {}
        for name, objective in self.networks.objectives.items():
            named = objective.discriminator_terms(critic)
            terms |= {f"discriminator/{name}/{term}": value for term, value in named.items()}
        if terms:
            for name, (penalty, every_steps) in self.due_penalties(step).items():
                named = penalty.terms(critic)
                terms |= {f"{name}/{term}": value * every_steps for term, value in named.items()}
            self._descend("discriminator", terms)
        torch.set_rng_state(state)
        condition, critic = self._phase("generator", batch, encoding, step)
        terms = {f"condition/{name}": value for name, value in condition.terms.items()}
        for name, objective in self.networks.objectives.items():
            named = objective.generator_terms(critic)
            terms |= {f"generator/{name}/{term}": value for term, value in named.items()}
        self._descend("generator", terms)
        return {}

    def _phase(self, phase: Phase, batch: Batch, encoding: Tensor | None, step: int) -> tuple[Condition, PlainCritic]:
        condition = self.face_pipeline.condition(batch, encoding)
        faces = self.face_pipeline.draw(condition.generator)
        grad_inputs = frozenset[str]().union(*(penalty.grad_inputs for penalty, _ in self.due_penalties(step).values()))
        critic = self.critic_kind(
            phase, batch, self._critic_condition(phase, batch, condition), self.discriminator, faces,
            augmentation=self.networks.augmentation, grad_inputs=grad_inputs, draw=self.face_pipeline.draw,
            num_identities=self.num_identities,
        )  # fmt: skip
        return condition, critic


class AttachedStep(PlainStep):
    """Plain step that also computes gradients of generator and conditioners in the discriminator phase, in vain.

    Wav2Pix's code does so: scripts/trainer.py detaches neither faces nor the embedding, computes both again for the
    generator's phase, and freezes no discriminator there (github.com/miqueltubau/Wav2Pix, the repository of one of its
    authors, commit a33197f).
    """

    critic_kind = AttachedCritic

    def _critic_condition(self, phase: Phase, batch: Batch, condition: Condition) -> Condition:
        return condition


class _ConvThenPool(ConvPool2d):
    def forward(self, input: Tensor) -> Tensor:
        return functional.avg_pool2d(functional.conv2d(input, self.weight, self.bias, padding=1), 2)


class _UpsampleThenConv(UpsampleConv2d):
    def forward(self, input: Tensor) -> Tensor:
        larger = functional.interpolate(input, scale_factor=2.0, mode="nearest")
        return functional.conv2d(larger, self.weight, self.bias, padding=1)


class _PlainSeganBlock(SeganBlock):
    def forward(self, hidden: Tensor) -> Tensor:
        padded = functional.pad(hidden[:, :, 0], self.pad)
        convolved = functional.conv1d(padded, self.conv.weight[:, :, 0], stride=self.stride)
        activated: Tensor = self.activation(self.norm(convolved[:, :, None]))
        return activated


class _NormThenModulate(AdaptiveInstanceNorm):
    def forward(self, images: Tensor, style: Tensor) -> Tensor:
        gain, offset = self.style(style)[..., None, None].chunk(2, dim=1)
        return (1 + gain) * functional.instance_norm(images) + offset


PLAIN_LAYERS = {
    ConvPool2d: _ConvThenPool, UpsampleConv2d: _UpsampleThenConv, AdaptiveInstanceNorm: _NormThenModulate,
    SeganBlock: _PlainSeganBlock,
}  # fmt: skip


def use_plain_layers(network: nn.Module, *, channels_last: bool = False) -> None:
    """Replace the layers of a network by plain ones of the same weights, in place.

    Args:
        network: the generator's pipeline or the discriminator.
        channels_last: keep that memory format, which some parts ask for, instead of PyTorch's default.
    """
    for module in network.modules():
        module.__class__ = PLAIN_LAYERS.get(type(module), module.__class__)
        if isinstance(module, nn.Conv2d) and not channels_last:
            module.register_forward_pre_hook(_contiguous)
    if not channels_last:
        network.to(memory_format=torch.contiguous_format)


def _contiguous(module: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
    """Undo the channels-last format; without a copy where there is none."""
    return (inputs[0].contiguous(),)
