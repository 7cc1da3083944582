"""The hidden truth about a synthetic face that a metric may ask for: what shows, and what decides it."""

from collections.abc import Mapping

import torch
from torch import Tensor

from facegen.core.evidence import Side
from facegen.data.synthetic.people import FACTORS

_SIDES: Mapping[str, Side] = {"shared": "voice and face", "face": "face", "voice": "voice"}
MOMENTS = ("yaw", "pitch", "roll", "light_x", "light_warmth", "backdrop_value", "clothing_value")
"""Of what belongs to the moment, what has a scale and can be seen: a hue, say, goes round in a circle."""
FACTOR_SIDES: Mapping[str, Side] = {
    **{factor.name: _SIDES[factor.side] for factor in FACTORS},
    **dict.fromkeys(MOMENTS, "moment"),
}
"""{factor: what it decides}"""


def seen_factors(people: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The factors of people as they show: two kinds of glasses are none, and no woman is drawn with a beard."""
    return {
        **people,
        "glasses": (people["glasses"] >= 2).to(people["glasses"].dtype),
        "beard": torch.where(people["sex"] > 0, people["beard"], 0),
    }
