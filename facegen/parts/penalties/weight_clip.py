"""The discriminator's weights stay small."""

from typing import Annotated

from pydantic import Field

from facegen.core.batch import DataSpec
from facegen.core.interfaces import Discriminator, Penalty


class WeightClip(Penalty):
    """After each step of the discriminator every one of its weights is brought back into a range.

    w <- min(max(w, -clip), clip)

    Weights under a spectral norm are clipped before the norm, which undoes most of it: choose one of the two.

    Engine:
        data: not read.
    Settings:
        clip: the furthest that a weight may be from 0.
    Source:
        Arjovsky, Chintala and Bottou 2017, algorithm 1; Roldan Sanchez 2018, section IV-A.
    """

    def __init__(self, data: DataSpec, *, clip: Annotated[float, Field(gt=0)] = 0.01) -> None:
        super().__init__()
        self.clip = clip

    def constrain(self, discriminator: Discriminator) -> None:
        for weight in discriminator.parameters():
            if weight.requires_grad:  # fixed weights, as of a backbone that others trained, stay
                weight.clamp_(-self.clip, self.clip)
