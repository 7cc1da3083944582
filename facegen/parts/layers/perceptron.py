"""Hidden layers of fully connected networks."""

from collections.abc import Sequence

from torch import nn


def hidden_layers(dim: int, widths: Sequence[int]) -> list[nn.Module]:
    """Build linear layers of these widths on `dim` values, each followed by a ReLU."""
    layers: list[nn.Module] = []
    for width_in, width in zip((dim, *widths), widths, strict=False):
        layers += [nn.Linear(width_in, width), nn.ReLU()]
    return layers
