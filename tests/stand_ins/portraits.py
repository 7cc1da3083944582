"""From what a voice carries, and a key for all else, to a portrait."""

from functools import cache

import torch
from torch import Tensor, nn

from facegen.core.batch import DataSpec
from facegen.core.interfaces import Generator
from facegen.data.loading.prepare import prepare_faces
from facegen.data.synthetic.counter import uniform
from facegen.data.synthetic.face import render_faces
from facegen.data.synthetic.moments import draw_moments
from facegen.data.synthetic.people import FACTORS, Factor

SHARED = tuple(factor for factor in FACTORS if factor.side == "shared")
HIDDEN = tuple(factor for factor in FACTORS if factor.side == "face")
SEED = 20_000
"""Of what stand-ins draw themselves: another world than that of the speakers."""


class StandIn(Generator):
    """A generator that learns nothing: it has one weight, for the sake of the optimiser, which changes nothing.

    Args:
        data: supplies image_pixels.
        condition_dim: how many factors it is told.
    """

    noise_dim = 2

    def __init__(self, data: DataSpec, condition_dim: int) -> None:
        super().__init__()
        self.image_pixels = data.image_pixels
        self.idle = nn.Parameter(torch.zeros(()))

    def draw(self, noise: Tensor, condition: Tensor) -> Tensor:
        """(B, 2), (B, factors) -> (B, H, W, 3) uint8"""
        raise NotImplementedError

    def forward(self, noise: Tensor, condition: Tensor, draft: Tensor | None = None) -> Tensor:
        if condition.is_meta:
            shape = (len(condition), 3, self.image_pixels, self.image_pixels)
            return torch.zeros(shape, device="meta") + 0 * self.idle
        return prepare_faces(self.draw(noise.detach(), condition.detach())) + 0 * self.idle


def keys_of(values: Tensor) -> Tensor:
    """(B, k) numbers -> (B, k) int64 keys: equal numbers have equal keys."""
    return (values.double() * 1e6).round().long()


def drawn(factors: tuple[Factor, ...], keys: Tensor) -> dict[str, Tensor]:
    """Factors as the world draws them, by keys: {name: (B,)}."""
    shares = uniform(SEED, f"factors {len(factors)}", keys, len(factors)).unbind(1)
    return {
        factor.name: torch.floor(share * factor.classes) if factor.classes else factor.low + share * _width(factor)
        for factor, share in zip(factors, shares, strict=True)
    }


def _width(factor: Factor) -> float:
    return factor.high - factor.low


def portray(shared: Tensor, keys: Tensor, image_pixels: int, calm: float = 1.0) -> Tensor:
    """A portrait of each row: what the voice carries is told, all else follows from the key.

    Args:
        shared: (B, 7) in the order of SHARED.
        keys: (B, k) int64.
        image_pixels: side of the portrait.
        calm: what all else is away from its middle is divided by it, where it has no classes.
    Returns:
        (B, H, W, 3) uint8
    """
    told = dict(zip((factor.name for factor in SHARED), shared.float().unbind(1), strict=True))
    moment = (uniform(SEED, "moment", keys, 1)[:, 0].double() * (1 << 40)).long()
    rest = drawn(HIDDEN, keys) | draw_moments(SEED, moment, moment * 0)
    rest = {name: middle + (rest[name] - middle) / calm for name, middle in _middles().items()} | {
        name: values for name, values in rest.items() if name not in _middles()
    }
    hidden = {factor.name: rest.pop(factor.name) for factor in HIDDEN}
    return render_faces(told | hidden, rest, image_pixels)


@cache
def _middles() -> dict[str, float]:
    """Means of what the voice does not carry, but for what has classes."""
    moments = draw_moments(SEED, torch.arange(4096), torch.zeros(4096, dtype=torch.int64))
    means = {name: float(values.mean()) for name, values in moments.items() if name != "collar"}
    return means | {factor.name: (factor.low + factor.high) / 2 for factor in HIDDEN if not factor.classes}
