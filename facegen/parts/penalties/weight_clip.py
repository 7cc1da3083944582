"""Penalty: weight clipping."""

from typing import Annotated

from pydantic import Field

from facegen.core.batch import DataSpec
from facegen.core.interfaces import Discriminator, Penalty


class WeightClip(Penalty):
    """Clipping of the discriminator's weights to a range after each of its steps.

    w <- min(max(w, -clip), clip)

    With spectral norm the weights are clipped before they are normalised, which undoes most of the clipping: choose one
    of the two.

    Engine:
        data: not read.
    Settings:
        clip: largest absolute value of a weight.
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
