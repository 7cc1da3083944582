"""Conditioner that encodes the true factors of the speaker by a small network."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from facegen.core.batch import Batch, DataSpec
from facegen.core.interfaces import Conditioner
from stand_ins.portraits import SHARED
from stand_ins.true_factors import shared_factors


class LearntFactors(Conditioner):
    """A small network on the true factors that shape both voice and face, scaled to [-1, 1].

        c = W2 relu(W1 c' + b1) + b2

    Engine:
        data: not used.
    Settings:
        condition_dim: width of the encoding.
        clips_per_person, world_seed: of the synthetic corpus.
    Shape:
        clip (B,) -> (B, condition_dim)
    Source:
        Ours, for tests: a judge that reads no speech, and so trains in seconds.
    """

    needs = frozenset({"speech"})  # it is not read: the number of the clip gives the speaker
    middle: Tensor
    reach: Tensor

    def __init__(
        self,
        data: DataSpec,
        *,
        condition_dim: Annotated[int, Field(ge=1)] = 32,
        clips_per_person: Annotated[int, Field(ge=1)] = 2,
        world_seed: int = 0,
    ) -> None:
        super().__init__()
        self.condition_dim, self.clips_per_person, self.world_seed = condition_dim, clips_per_person, world_seed
        low = torch.tensor([0.0 if factor.classes else factor.low for factor in SHARED])
        high = torch.tensor([float(factor.classes - 1) if factor.classes else factor.high for factor in SHARED])
        self.register_buffer("middle", (low + high) / 2, persistent=False)
        self.register_buffer("reach", (high - low) / 2, persistent=False)
        self.layers = nn.Sequential(nn.Linear(len(SHARED), 64), nn.ReLU(), nn.Linear(64, condition_dim))

    def forward(self, batch: Batch) -> Tensor:
        values = shared_factors(batch.clip, self.clips_per_person, self.world_seed)
        encoding: Tensor = self.layers((values - self.middle) / self.reach)
        return encoding
