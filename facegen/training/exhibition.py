"""Grids of faces drawn while training goes on: fixed voices, fixed noise, the true face first."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from PIL.Image import Image
from torch import Tensor

from facegen.core.batch import Batch
from facegen.core.randomness import generator_for
from facegen.data.pictures import grid
from facegen.data.prepare import restore_faces
from facegen.training.artist import Artist

SHOWN_PIXELS = 128
"""About how large a face is shown; smaller ones are enlarged by whole pixels."""


@dataclass(frozen=True)
class Exhibition:
    """What the grids of a run show.

    Attributes:
        batch: (V) the voices with their true faces.
        noises: (Z, noise_dim).
        split: where the voices come from.
    """

    batch: Batch
    noises: Tensor
    split: str

    @torch.no_grad()
    def draw(self, artist: Artist) -> Tensor:
        """(V, 1 + Z, H, W, 3) uint8: the true face, then one column a noise."""
        num_voices, num_noises = len(self.batch), len(self.noises)
        condition = artist.condition(self.batch).generator
        faces = artist.draw(condition.repeat_interleave(num_noises, 0), self.noises.repeat(num_voices, 1))
        drawn = restore_faces(faces).unflatten(0, (num_voices, num_noises))
        return torch.cat([restore_faces(self.batch.faces)[:, None], drawn], dim=1).cpu()

    def picture(self, artist: Artist, title: str) -> Image:
        """The grid as a Pillow picture, large enough to be looked at."""
        columns = ["true face", *(f"noise {number + 1}" for number in range(len(self.noises)))]
        rows = [f"voice {number + 1}" for number in range(len(self.batch))]
        faces = self.draw(artist).numpy()
        scale = max(1, round(SHOWN_PIXELS / faces.shape[3]))
        return grid(faces, row_labels=rows, column_labels=columns, title=title, scale=scale)


def choose_noises(noise: Callable[[int, torch.device], Tensor], num: int, seed: int, device: torch.device) -> Tensor:
    """The same noises in every run of a seed, without touching the training's randomness."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(generator_for(seed, "noises").initial_seed())
        return noise(num, torch.device("cpu")).to(device)
