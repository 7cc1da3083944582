"""float32 under autocast, for pooled features, embeddings and scores."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional


def to_float32(values: Tensor) -> Tensor:
    """Convert to float32; float64 is kept."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def without_autocast(device: torch.device) -> AbstractContextManager[object]:
    """Return a context in which matrix products keep the precision of their operands."""
    if not torch.amp.is_autocast_available(device.type):  # the meta device has no autocast
        return nullcontext()
    return torch.autocast(device.type, enabled=False)


class Float32Linear(nn.Linear):
    """Linear layer that ignores autocast, because differences of scores need the precision of float32.

    Shape:
        (B, in_features) -> (B, out_features)
    """

    def forward(self, input: Tensor) -> Tensor:
        with without_autocast(input.device):
            return functional.linear(to_float32(input), self.weight, self.bias)
