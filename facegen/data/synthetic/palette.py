"""Colours of skin, hair, eyes and clothes, as (batch, 3, 1, 1) float32 in [0, 1]."""

import torch
from torch import Tensor

# Six tones from fair to dark, sRGB; other tones are interpolated.
SKIN = (
    (0.975, 0.855, 0.780),
    (0.945, 0.775, 0.660),
    (0.870, 0.660, 0.510),
    (0.745, 0.520, 0.370),
    (0.560, 0.370, 0.255),
    (0.380, 0.250, 0.180),
)
HAIR = (
    (0.120, 0.105, 0.110),
    (0.240, 0.165, 0.125),
    (0.420, 0.275, 0.175),
    (0.600, 0.290, 0.150),
    (0.800, 0.640, 0.400),
)
IRIS = ((0.330, 0.190, 0.100), (0.480, 0.360, 0.170), (0.330, 0.460, 0.300), (0.310, 0.480, 0.640))


def constant(colour: tuple[float, float, float], like: Tensor) -> Tensor:
    return torch.tensor(colour, dtype=torch.float32, device=like.device).view(1, 3, 1, 1)


def pick(table: tuple, index: Tensor) -> Tensor:
    """Select rows of a colour table by indices stored as floats."""
    rows = torch.tensor(table, dtype=torch.float32, device=index.device)
    return rows[index.long().clamp(0, len(table) - 1)][:, :, None, None]


def skin(tone: Tensor) -> Tensor:
    """Interpolate the mid-tone of skin, from 0 (fair) to 1 (dark)."""
    place = tone.clamp(0.0, 1.0) * (len(SKIN) - 1)
    low = torch.floor(place).clamp(max=len(SKIN) - 2)
    below, above = pick(SKIN, low), pick(SKIN, low + 1)
    return below + (place - low)[:, None, None, None] * (above - below)


def hsv(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """Convert hue, saturation and value, (batch,) each, to RGB."""
    offsets = torch.tensor([5.0, 3.0, 1.0], device=hue.device)
    k = torch.remainder(offsets + 6.0 * hue[:, None], 6.0)
    ramp = torch.minimum(k, 4.0 - k).clamp(0.0, 1.0)
    return (value[:, None] * (1.0 - saturation[:, None] * ramp))[:, :, None, None]
