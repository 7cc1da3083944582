"""Grids of generated faces: fixed people, fixed noise, the true face first."""

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
"""Approximate side of a face in a grid; smaller faces are enlarged by a whole factor."""
CONDITION_LABELS = {"speech": "voice", "identity": "name", "caption": "sentence", "text": "text"}
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
        who = self.batch.identity.tolist()
        if "identity" in needs and self.names and min(who) >= 0:
            return [self.names[number] for number in who]
        return [f"{condition_label(needs)} {number + 1}" for number in range(len(who))]


def condition_label(needs: frozenset[str]) -> str:
    """Name the condition in words: "voice", "voice and name"."""
    names = " and ".join(
        CONDITION_LABELS.get(column, column) for column in sorted(needs, key=[*CONDITION_LABELS, *needs].index)
    )
    return names or "condition"


@torch.no_grad()
def draw_each(pipeline: FacePipeline, encoding: Tensor, noises: Tensor, seed: int) -> Tensor:
    """Generate every person under every noise; random transforms are the same at every call.

    Args:
        encoding: (B, dim)
        noises: (Z, noise_dim), or (Z, B, noise_dim) for different noises per person.
        seed: of random transforms.
    Returns:
        (B, Z, H, W, 3) uint8 on the CPU.
    """
    columns = []
    for number, noise in enumerate(noises):
        with repeatable(encoding.device, seed, "drawing", number):
            columns.append(restore_faces(pipeline.sample(encoding, noise)).cpu())
    return torch.stack(columns, dim=1)


def choose_noises(noise: Callable[[int, torch.device], Tensor], num: int, seed: int, device: torch.device) -> Tensor:
    """Draw noises that depend on the seed only, without changing the random state of training."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed(seed, "noises"))
        return noise(num, torch.device("cpu")).to(device)
