"""Hidden factors of a synthetic clip that metrics compare with predictions."""

from collections.abc import Mapping

import torch
from torch import Tensor

from facegen.core.evidence import Side
from facegen.data.synthetic.people import FACTORS
from facegen.data.synthetic.recording import RECORDING_RANGES

_SIDES: Mapping[str, Side] = {"shared": "voice and face", "face": "face", "voice": "voice"}
MOMENTS = ("yaw", "pitch", "roll", "light_x", "light_warmth", "backdrop_value", "clothing_value")
"""Nuisance factors that are visible and have a linear scale; a hue, for example, is circular."""
FACTOR_SIDES: Mapping[str, Side] = {
    **{factor.name: _SIDES[factor.side] for factor in FACTORS},
    **dict.fromkeys(MOMENTS, "moment"),
    **dict.fromkeys(RECORDING_RANGES, "voice"),
}
"""{factor: what it shapes}"""


def visible_factors(people: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Convert factors to visible ones: classes 0 and 1 of `glasses` mean none, and women have no beard."""
    return {
        **people,
        "glasses": (people["glasses"] >= 2).to(people["glasses"].dtype),
        "beard": torch.where(people["sex"] > 0, people["beard"], 0),
    }
