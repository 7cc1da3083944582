"""Portraits from the factors that a voice shares with the face, and from keys for all others."""

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
"""World seed of the factors that stand-ins draw, other than that of the speakers."""


class StandIn(Generator):
    """Base of generators without training: their one weight exists for the optimiser and has no effect.

    Args:
        data: supplies image_pixels.
        condition_dim: number of factors in the condition.
    """

    noise_dim = 2

    def __init__(self, data: DataSpec, condition_dim: int) -> None:
        super().__init__()
        self.image_pixels = data.image_pixels
        self.idle = nn.Parameter(torch.zeros(()))

    def draw(self, noise: Tensor, condition: Tensor) -> Tensor:
        """Draw faces: noise (B, 2), condition (B, factors) -> (B, H, W, 3) uint8."""
        raise NotImplementedError

    def forward(self, noise: Tensor, condition: Tensor, draft: Tensor | None = None) -> Tensor:
        if condition.is_meta:
            shape = (len(condition), 3, self.image_pixels, self.image_pixels)
            return torch.zeros(shape, device="meta") + 0 * self.idle
        return prepare_faces(self.draw(noise.detach(), condition.detach())) + 0 * self.idle


def to_keys(values: Tensor) -> Tensor:
    """Turn numbers into keys, equal ones into equal keys: (B, k) -> (B, k) int64."""
    return (values.double() * 1e6).round().long()


def draw_factors(factors: tuple[Factor, ...], keys: Tensor) -> dict[str, Tensor]:
    """Draw factors by keys as the world does: {name: (B,)}."""
    shares = uniform(SEED, f"factors {len(factors)}", keys, len(factors)).unbind(1)
    return {
        factor.name: torch.floor(share * factor.classes) if factor.classes else factor.low + share * _width(factor)
        for factor, share in zip(factors, shares, strict=True)
    }


def _width(factor: Factor) -> float:
    return factor.high - factor.low


def render_portraits(shared: Tensor, keys: Tensor, image_pixels: int, calm: float = 1.0) -> Tensor:
    """Render a portrait of each row: shared factors are given, all others follow from the key.

    Args:
        shared: (B, 7) in the order of SHARED.
        keys: (B, k) int64.
        image_pixels: side of the portrait.
        calm: divisor of the distance of all other continuous factors from their middle.
    Returns:
        (B, H, W, 3) uint8
    """
    shared_by_name = dict(zip((factor.name for factor in SHARED), shared.float().unbind(1), strict=True))
    moment = (uniform(SEED, "moment", keys, 1)[:, 0].double() * (1 << 40)).long()
    rest = draw_factors(HIDDEN, keys) | draw_moments(SEED, moment, moment * 0)
    rest = {name: middle + (rest[name] - middle) / calm for name, middle in _middles().items()} | {
        name: values for name, values in rest.items() if name not in _middles()
    }
    hidden = {factor.name: rest.pop(factor.name) for factor in HIDDEN}
    return render_faces(shared_by_name | hidden, rest, image_pixels)


@cache
def _middles() -> dict[str, float]:
    """Return the means of all continuous factors and moments that the voice does not share."""
    moments = draw_moments(SEED, torch.arange(4096), torch.zeros(4096, dtype=torch.int64))
    means = {name: float(values.mean()) for name, values in moments.items() if name != "collar"}
    return means | {factor.name: (factor.low + factor.high) / 2 for factor in HIDDEN if not factor.classes}
