"""Exponential moving average of the face pipeline."""

import copy
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

Averaged = TypeVar("Averaged", bound=nn.Module)


class EMA(Generic[Averaged]):
    """Exponential moving average of a module's parameters; buffers are copied.

    beta = 0.5^(images / half_life): R3GAN's form, in images, so that it does not depend on the batch size.
    While few images were seen, the half-life is at most a twentieth of them, as in StyleGAN2's ramp-up.

    Args:
        module: its parameters are averaged.
        half_life_images: number of images after which an old weight counts half.
    """

    def __init__(self, module: Averaged, half_life_images: float) -> None:
        self.module: Averaged = copy.deepcopy(module).eval().requires_grad_(False)
        self.half_life_images = half_life_images
        self._pairs = self._paired(module)

    def _paired(self, module: Averaged) -> tuple[list[Tensor], list[Tensor]]:
        averaged, trained = dict(self.module.named_parameters()), dict(module.named_parameters())
        return list(averaged.values()), [trained[name] for name in averaged]

    @torch.no_grad()
    def update(self, module: Averaged, batch_images: int, seen_images: int) -> None:
        """Move the average towards the module, once a step.

        Args:
            module: the one that is trained.
            batch_images: images of this step.
            seen_images: images of all steps so far, this one included.
        """
        half_life = min(self.half_life_images, seen_images * 0.05)
        beta = 0.5 ** (batch_images / max(half_life, 1e-8))
        averaged, trained = self._pairs
        torch._foreach_lerp_(averaged, trained, weight=1 - beta)
        for copied, buffer in zip(self.module.buffers(), module.buffers(), strict=True):
            copied.copy_(buffer)
