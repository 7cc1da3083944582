"""Augmentation: DiffAugment."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from facegen.core.batch import DataSpec
from facegen.core.interfaces import Augmentation

Fraction = Annotated[float, Field(ge=0, le=1)]


class DiffAugment(Augmentation):
    """Differentiable changes of colour, translation and cutout, drawn for each face.

    D reads T(f_r) and T(f_f) in both phases: it cannot memorise faces, and G does not learn T.

    Engine:
        data: not read.
    Settings:
        policy: the changes, in the order in which they are applied.
        probability: share of faces that are changed.
        color: strength of the changes of brightness, saturation and contrast; 1 is the paper's, 0 none.
        translation: largest shift, as a share of the side; the uncovered edge becomes 0.
        cutout: side of the square that is set to 0, as a share of the side.
    Shape:
        (B, 3, H, W) -> (B, 3, H, W)
    Source:
        Zhao et al. 2020, "Differentiable augmentation", with its strengths; probability is ours.
    """

    def __init__(
        self,
        data: DataSpec,
        *,
        policy: tuple[Literal["color", "translation", "cutout"], ...] = ("color", "translation", "cutout"),
        probability: Fraction = 1.0,
        color: Fraction = 1.0,
        translation: Fraction = 0.125,
        cutout: Fraction = 0.5,
    ) -> None:
        super().__init__()
        self.probability = probability
        strengths = {"color": color, "translation": translation, "cutout": cutout}
        changes = {"color": _color, "translation": _translate, "cutout": _cut_out}
        self.changes = [(changes[name], strengths[name]) for name in policy if strengths[name] > 0]

    def forward(self, faces: Tensor) -> Tensor:
        changed = faces
        for change, strength in self.changes:
            changed = change(changed, strength)
        if self.probability == 1 or not self.changes:
            return changed
        return torch.where(_uniform(faces) < self.probability, changed, faces)


def _uniform(faces: Tensor) -> Tensor:
    """Return one number in [0, 1) per row: (B, 1, 1, 1)."""
    return torch.rand(len(faces), 1, 1, 1, device=faces.device)


def _color(faces: Tensor, strength: float) -> Tensor:
    """Change brightness by +- 1/2, saturation by 0 to 2 around grey, and contrast by 1/2 to 3/2 around the mean."""
    faces = faces + strength * (_uniform(faces) - 0.5)
    grey = faces.mean(dim=1, keepdim=True)
    faces = grey + (faces - grey) * (1 + strength * (2 * _uniform(faces) - 1))
    mean = faces.mean(dim=(1, 2, 3), keepdim=True)
    return mean + (faces - mean) * (1 + strength * (_uniform(faces) - 0.5))


def _translate(faces: Tensor, fraction: float) -> Tensor:
    """Shift every row by whole pixels, with two gathers; pixels from outside are 0."""
    for axis in (2, 3):
        size = faces.shape[axis]
        reach = int(size * fraction + 0.5)
        shift = torch.randint(-reach, reach + 1, (len(faces), 1), device=faces.device)
        source = torch.arange(size, device=faces.device) - shift
        inside = (source >= 0) & (source < size)
        shape = (len(faces), 1, size, 1) if axis == 2 else (len(faces), 1, 1, size)
        index = source.clamp(0, size - 1).view(shape).expand_as(faces)
        faces = faces.gather(axis, index) * inside.view(shape)
    return faces


def _cut_out(faces: Tensor, fraction: float) -> Tensor:
    """Set a square, whose centre lies anywhere in the face, to 0."""
    kept = torch.ones((), dtype=torch.bool, device=faces.device)
    for axis in (2, 3):
        size = faces.shape[axis]
        side = int(size * fraction + 0.5)
        start = torch.randint(-(side // 2), size - side // 2 + 1, (len(faces), 1, 1, 1), device=faces.device)
        pixel = torch.arange(size, device=faces.device).view((-1, 1) if axis == 2 else (1, -1))
        within = (pixel >= start) & (pixel < start + side)
        kept = within if axis == 2 else ~(kept & within)
    return faces * kept
