"""Grids of faces drawn while training goes on: fixed people, fixed noise, the true face first."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from PIL.Image import Image
from torch import Tensor

from facegen.core.batch import Batch
from facegen.core.randomness import derived_seed, repeatable
from facegen.data.loading.prepare import restore_faces
from facegen.data.media.grids import grid
from facegen.training.face_pipeline import FacePipeline

SHOWN_PIXELS = 128
"""About how large a face is shown; smaller ones are enlarged by whole pixels."""
CONDITION_LABELS = {"speech": "voice", "identity": "name", "caption": "sentence", "text": "text"}
"""What a Batch column is to people."""


@dataclass(frozen=True)
class SampleGrid:
    """What the grids of a run show.

    Attributes:
        batch: (V) the people with their true faces.
        noises: (Z, noise_dim).
        split: where the people come from.
        names: of the training split, by number; shown beside people that are drawn by name.
    """

    batch: Batch
    noises: Tensor
    split: str
    names: tuple[str, ...] = ()

    @torch.no_grad()
    def draw(self, pipeline: FacePipeline) -> Tensor:
        """(V, 1 + Z, H, W, 3) uint8: the true face, then one column a noise."""
        drawn = draw_each(pipeline, pipeline.encode(self.batch), self.noises, 0)
        return torch.cat([restore_faces(self.batch.faces)[:, None].cpu(), drawn], dim=1)

    def picture(self, pipeline: FacePipeline, title: str) -> Image:
        """The grid as a Pillow picture, large enough to be looked at."""
        columns = ["true face", *(f"noise {number + 1}" for number in range(len(self.noises)))]
        faces = self.draw(pipeline).numpy()
        scale = max(1, round(SHOWN_PIXELS / faces.shape[3]))
        return grid(faces, row_labels=self._labels(pipeline.needs), column_labels=columns, title=title, scale=scale)

    def _labels(self, needs: frozenset[str]) -> list[str]:
        who = self.batch.identity.tolist()
        if "identity" in needs and self.names and min(who) >= 0:
            return [self.names[number] for number in who]
        return [f"{condition_label(needs)} {number + 1}" for number in range(len(who))]


def condition_label(needs: frozenset[str]) -> str:
    """What people are drawn from, in words: "voice", "voice and name"."""
    names = " and ".join(
        CONDITION_LABELS.get(column, column) for column in sorted(needs, key=[*CONDITION_LABELS, *needs].index)
    )
    return names or "condition"


@torch.no_grad()
def draw_each(pipeline: FacePipeline, encoding: Tensor, noises: Tensor, seed: int) -> Tensor:
    """Everybody under every noise, the same at every call, whatever else the face pipeline draws at random.

    Args:
        encoding: (B, dim)
        noises: (Z, noise_dim), or (Z, B, noise_dim) where everybody has noises of their own.
    Returns:
        (B, Z, H, W, 3) uint8 on the CPU.
    """
    columns = []
    for number, noise in enumerate(noises):
        with repeatable(encoding.device, seed, "drawing", number):
            columns.append(restore_faces(pipeline.sample(encoding, noise)).cpu())
    return torch.stack(columns, dim=1)


def choose_noises(noise: Callable[[int, torch.device], Tensor], num: int, seed: int, device: torch.device) -> Tensor:
    """The same noises in every run of a seed, without touching the training's randomness."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed(seed, "noises"))
        return noise(num, torch.device("cpu")).to(device)
