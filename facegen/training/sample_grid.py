"""Grids of generated faces for fixed people and fixed noises, with the true face in the first column."""

from dataclasses import dataclass

import torch
from PIL.Image import Image
from torch import Tensor

from facegen.core.batch import IDENTITY_IMAGE, Batch
from facegen.data.loading.prepare import restore_faces
from facegen.data.media.grids import grid
from facegen.training.face_pipeline import FacePipeline, draw_each

SHOWN_PIXELS = 128
"""Approximate side of a face in a grid; smaller faces are enlarged by a whole factor."""
CONDITION_LABELS = {
    "speech": "voice",
    "identity": "name",
    "caption": "sentence",
    "text": "text",
    IDENTITY_IMAGE: "face",
}
"""Words for Batch columns."""


@dataclass(frozen=True)
class SampleGrid:
    """The people and the noises of a run's sample grids.

    Attributes:
        batch: people with their true faces.
        noises: (Z, noise_dim).
        split: of the people.
        names: of the training split, by number; shown beside people whose condition is their name.
    """

    batch: Batch
    noises: Tensor
    split: str
    names: tuple[str, ...] = ()

    @torch.no_grad()
    def draw(self, pipeline: FacePipeline) -> Tensor:
        """Generate the grid: (V, 1 + Z, H, W, 3) uint8, the true face, then one column per noise."""
        drawn = draw_each(pipeline, pipeline.encode(self.batch), self.noises, 0)
        return torch.cat([restore_faces(self.batch.faces)[:, None].cpu(), drawn], dim=1)

    def picture(self, pipeline: FacePipeline, title: str) -> Image:
        """Draw the grid as a Pillow image with labels."""
        columns = ["true face", *(f"noise {number + 1}" for number in range(len(self.noises)))]
        faces = self.draw(pipeline).numpy()
        scale = max(1, round(SHOWN_PIXELS / faces.shape[3]))
        return grid(faces, row_labels=self._labels(pipeline.needs), column_labels=columns, title=title, scale=scale)

    def _labels(self, needs: frozenset[str]) -> list[str]:
        identities = self.batch.identity.tolist()
        if "identity" in needs and self.names and min(identities) >= 0:
            return [self.names[identity] for identity in identities]
        return [f"{condition_label(needs)} {row + 1}" for row in range(len(identities))]


def condition_label(needs: frozenset[str]) -> str:
    """Name the condition in words: "voice", "voice and name"."""
    names = " and ".join(
        CONDITION_LABELS.get(column, column) for column in sorted(needs, key=[*CONDITION_LABELS, *needs].index)
    )
    return names or "condition"
