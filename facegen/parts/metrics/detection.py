"""Metric `detection`: generated faces that a face detector finds."""

from pathlib import Path
from typing import Annotated

import cv2
import torch
from cv2.data import haarcascades
from pydantic import Field
from torch import Tensor

from facegen.core.evidence import Evidence, Figure
from facegen.core.interfaces import Metric
from facegen.core.statistics import Bootstrap
from facegen.parts.metrics.views import one_per_row

_CASCADE = Path(haarcascades) / "haarcascade_frontalface_default.xml"


class Detection(Metric):
    """Share of generated faces in which OpenCV's frontal cascade finds exactly one face.

        d = E 1[faces found in the enlarged image = 1]

    The share of the real faces of the same rows limits what can be expected: the cascade misses profiles and covered
    faces. Scrambled eyes or mouths lower the share; blur hardly does. It uses one generated face per row, under the
    row's own noise if there is one.

    Settings:
        enlarged_pixels: side to which images are enlarged; the cascade needs a margin and about 100 pixels.
        scale_factor: ratio of successive sizes in the search.
        min_neighbours: number of overlapping detections that a face needs.
    Source:
        Viola & Jones 2001; as a measure of generated faces, ours.
    """

    def __init__(
        self,
        *,
        enlarged_pixels: Annotated[int, Field(ge=48, le=1024)] = 192,
        scale_factor: Annotated[float, Field(gt=1, le=2)] = 1.1,
        min_neighbours: Annotated[int, Field(ge=0, le=100)] = 5,
    ) -> None:
        self.enlarged_pixels, self.scale_factor, self.min_neighbours = enlarged_pixels, scale_factor, min_neighbours

    def measure(self, evidence: Evidence) -> list[Figure]:
        """Compute the shares of generated and real faces with their intervals."""
        names = {"generated": "faces detected, generated", "real": "faces detected, real"}
        if evidence.fake_faces is None:
            return [Figure.missing("generated", names["generated"], "the run draws no faces", by_judge=False)]
        people = Bootstrap(evidence.person, evidence.seed)
        drawn = one_per_row(evidence.fake_faces, evidence.fresh_faces)
        generated = people.share(self.detected(drawn))
        real = people.share(self.detected(evidence.real_faces))
        note = f"exactly one face found by OpenCV's frontal cascade; real faces {real.value:.3f}"
        return [
            Figure.of("generated", names["generated"], generated, note=note, better="higher", by_judge=False),
            Figure.of("real", names["real"], real, by_judge=False),
        ]

    def detected(self, faces: Tensor) -> Tensor:
        """Return 1 where exactly one face is found, 0 elsewhere: (N, H, W, 3) uint8 -> (N,) float64."""
        cascade = cv2.CascadeClassifier(str(_CASCADE))
        side = (self.enlarged_pixels, self.enlarged_pixels)
        counts = []
        for face in faces.cpu().numpy():
            grey = cv2.cvtColor(cv2.resize(face, side, interpolation=cv2.INTER_CUBIC), cv2.COLOR_RGB2GRAY)
            boxes = cascade.detectMultiScale(grey, scaleFactor=self.scale_factor, minNeighbors=self.min_neighbours)
            counts.append(float(len(boxes) == 1))
        return torch.tensor(counts, dtype=torch.float64)
