"""Conditions and batches to transform."""

import torch
from torch import Tensor

from facegen.core.batch import Batch, Condition, DataSpec

SPEC = DataSpec(16, identities=("ada", "bo", "cy"))


def condition_of(generator: Tensor, critic: Tensor | None = None) -> Condition:
    """Return a condition whose encoding is the generator's condition."""
    return Condition(generator, generator if critic is None else critic, generator, {})


def batch_of(*identity: int) -> Batch:
    rows = torch.arange(len(identity))
    return Batch(torch.zeros(len(identity), 3, 16, 16), rows, torch.tensor(identity), rows[:, None])
