"""What must not be rounded to bfloat16 under autocast: pooled features, embeddings, scores."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional


def to_float32(values: Tensor) -> Tensor:
    """At least float32; float64 stays."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def without_autocast(device: torch.device) -> AbstractContextManager[object]:
    """Matrix products inside keep the precision of their operands."""
    if not torch.amp.is_autocast_available(device.type):  # the meta device knows no autocast
        return nullcontext()
    return torch.autocast(device.type, enabled=False)


class Float32Linear(nn.Linear):
    """A linear layer that autocast leaves alone: the difference of two scores has few bits to lose.

    Shape:
        (B, in_features) -> (B, out_features)
    """

    def forward(self, input: Tensor) -> Tensor:
        with without_autocast(input.device):
            return functional.linear(to_float32(input), self.weight, self.bias)
