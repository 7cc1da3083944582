"""Weights that do not learn: switched off for a phase or a stage, and restored as the part was built."""

from types import TracebackType
from typing import Self

from torch import nn


class Frozen:
    """Modules without gradient until `release`, which restores the `requires_grad` of every parameter.

    A parameter that did not learn before does not learn afterwards: a part may contain weights that are fixed. As a
    context manager it releases at the end of the block, after an exception too.

    Args:
        modules: to freeze; None stands for a module that the recipe does not have.
    """

    def __init__(self, *modules: nn.Module | None) -> None:
        weights = [weight for module in modules if module is not None for weight in module.parameters()]
        self._weights = [weight for weight in weights if weight.requires_grad]
        for weight in self._weights:
            weight.requires_grad_(False)

    def release(self) -> None:
        """Restore the parameters; a second call changes nothing."""
        for weight in self._weights:
            weight.requires_grad_(True)
        self._weights = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


def set_training_mode(*modules: nn.Module | None) -> None:
    """Put modules into training mode, except sub-modules whose weights are all fixed."""
    for module in modules:
        if module is not None:
            module.train()
            set_frozen_to_eval(module)


def set_frozen_to_eval(module: nn.Module) -> None:
    """Put every sub-module whose weights are all fixed into evaluation mode.

    In training mode the running statistics of batch norm would drift even without a gradient. A sub-module without
    any weight keeps its mode, unless it lies within one that is fixed.
    """
    for part in module.modules():
        weights = list(part.parameters())
        if weights and not any(weight.requires_grad for weight in weights):
            part.eval()
