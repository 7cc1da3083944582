"""All that draws: conditioners, transforms of the condition, generator. EMA copies it whole, a run stores it."""

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn

from facegen.core.batch import Batch, Condition
from facegen.core.interfaces import Conditioner, ConditionTransform, Generator


class Encoders(nn.Module):
    """Conditioners whose encodings are concatenated.

    Args:
        conditioners: in the recipe's order.
        frozen: which of them no longer learn once `freeze` was called.
    """

    def __init__(self, conditioners: Sequence[Conditioner], frozen: Sequence[bool]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(conditioners)
        self.frozen = tuple(frozen)
        self.condition_dim = sum(conditioner.condition_dim for conditioner in conditioners)
        self.needs = frozenset[str]().union(*(conditioner.needs for conditioner in conditioners))
        self._resting: tuple[nn.Module, ...] = ()

    @property
    def at_rest(self) -> bool:
        """No encoding changes any more: it can be kept."""
        return len(self._resting) == len(self.parts)

    def freeze(self, *, everything: bool = False) -> None:
        """End the learning of the frozen ones: no gradient, and evaluation mode whatever `train()` says later.

        In training mode batch norm's running statistics would drift even without a gradient.
        """
        chosen = zip(self.parts, self.frozen, strict=True)
        self._resting = tuple(part for part, frozen in chosen if frozen or everything)
        for part in self._resting:
            part.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        for part in getattr(self, "_resting", ()):
            part.eval()
        return self

    def forward(self, batch: Batch) -> Tensor:
        """(B, condition_dim)"""
        return torch.cat([part(batch) for part in self.parts], dim=1)


class Artist(nn.Module):
    """Draws faces for batches: encoders, then transforms, then the generator."""

    def __init__(self, encoders: Encoders, transforms: Sequence[ConditionTransform], generator: Generator) -> None:
        super().__init__()
        self.encoders = encoders
        self.transforms = nn.ModuleList(transforms)
        self.generator = generator

    def condition(self, batch: Batch | None, encoding: Tensor | None = None) -> Condition:
        """The condition of a batch, or of encodings that are known already."""
        if encoding is None:
            if batch is None:
                raise ValueError("a condition needs a batch or an encoding")
            encoding = self.encoders(batch)
        condition = Condition(encoding, encoding, encoding, {})
        for transform in self.transforms:
            condition = transform(condition, batch)
        return condition

    def draw(self, condition: Tensor, noise: Tensor | None = None) -> Tensor:
        """Faces under a condition, with fresh noise unless it is given: (B, dim) -> (B, 3, H, W)."""
        if noise is None:
            noise = self.generator.noise(condition.shape[0], condition.device)
        return self.generator(noise, condition)
