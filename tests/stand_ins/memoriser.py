"""Generator of training faces."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from facegen.core.batch import DataSpec
from facegen.data.synthetic.face import render_faces
from facegen.data.synthetic.moments import draw_moments
from facegen.data.synthetic.people import draw_people
from stand_ins.portraits import StandIn
from stand_ins.true_factors import shared_factors


class Memoriser(StandIn):
    """A training face of one of the nearest training voices, chosen by the noise.

        G(z, c) = f_k,   k = the n(z)-th nearest of |c - c_k|, each factor in units of its deviation

    Engine:
        data: supplies image_pixels.
        condition_dim: not used.
    Settings:
        num_people, clips_per_person, world_seed: of the synthetic corpus.
        num_nearest: number of voices that the noise chooses from.
    Shape:
        noise (B, 2), condition (B, 7) -> (B, 3, H, W)
    Source:
        Ours, for tests.
    """

    def __init__(
        self,
        data: DataSpec,
        condition_dim: int,
        *,
        num_people: Annotated[int, Field(ge=2)] = 2000,
        clips_per_person: Annotated[int, Field(ge=1)] = 2,
        world_seed: int = 0,
        num_nearest: Annotated[int, Field(ge=1)] = 8,
    ) -> None:
        super().__init__(data, condition_dim)
        self.num_people, self.clips_per_person, self.world_seed = num_people, clips_per_person, world_seed
        self.num_nearest = num_nearest

    def draw(self, noise: Tensor, condition: Tensor) -> Tensor:
        clips = torch.arange(self.num_people, device=condition.device) * self.clips_per_person
        voices = shared_factors(clips, self.clips_per_person, self.world_seed)
        deviation = voices.std(0)
        order = torch.cdist(condition / deviation, voices / deviation).topk(self.num_nearest, largest=False).indices
        rank = (torch.special.ndtr(noise[:, :1].double()) * self.num_nearest).long().clamp(max=self.num_nearest - 1)
        clip = clips[order.gather(1, rank)[:, 0]]
        people = draw_people(self.world_seed, clip // self.clips_per_person)
        return render_faces(people, draw_moments(self.world_seed, clip, clip * 0), self.image_pixels)
