"""Conditioner that returns the true factors of the speaker."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from facegen.core.batch import Batch, DataSpec
from facegen.core.interfaces import Conditioner
from facegen.data.synthetic.people import draw_people
from stand_ins.portraits import SHARED


def shared_factors(clip: Tensor, clips_per_person: int, world_seed: int) -> Tensor:
    """Return the factors that shape both voice and face of clips of a synthetic corpus: (B,) -> (B, 7)."""
    people = draw_people(world_seed, clip // clips_per_person)
    return torch.stack([people[factor.name] for factor in SHARED], dim=1)


class TrueFactors(Conditioner):
    """The true factors that shape both voice and face of a synthetic speaker, in their own units.

        c = (sex, age, size, fullness, nose, lips, tension)

    Engine:
        data: not used.
    Settings:
        clips_per_person, world_seed: of the synthetic corpus.
    Shape:
        clip (B,) -> (B, 7)
    Source:
        Ours, for tests.
    """

    needs = frozenset({"speech"})  # it is not read: the number of the clip gives the speaker
    condition_dim = len(SHARED)

    def __init__(
        self, data: DataSpec, *, clips_per_person: Annotated[int, Field(ge=1)] = 2, world_seed: int = 0
    ) -> None:
        super().__init__()
        self.clips_per_person, self.world_seed = clips_per_person, world_seed

    def forward(self, batch: Batch) -> Tensor:
        return shared_factors(batch.clip, self.clips_per_person, self.world_seed)
