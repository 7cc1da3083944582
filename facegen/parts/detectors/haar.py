"""Viola and Jones's cascade of Haar features."""

from pathlib import Path
from typing import Annotated, ClassVar

import cv2
import numpy as np
from cv2.data import haarcascades
from numpy.typing import NDArray
from pydantic import Field

from facegen.core.collection_interfaces import Detector
from facegen.core.face_box import FaceBox

CASCADE = Path(haarcascades) / "haarcascade_frontalface_default.xml"


class Haar(Detector):
    """Frontal faces by the cascade that comes with OpenCV, the surest first by its weight.

    It finds faces of 30 pixels and more: the cascade's own window has 24, and needs some room to land on a face. Its
    time grows with the area of the picture, and larger faces are found no better in a larger one.

    Settings:
        scale_factor: from one size of face to the next.
        min_neighbours: how many windows around a face must agree.
        equalise: spread the greys over the whole range first; finds a few more faces in dim pictures, and in others
            it costs up to twice the time and makes the cascade less sure.
    Source:
        Viola & Jones 2001, as trained by Lienhart for OpenCV; 1.1 and 5 as in Roldan Sanchez 2018. The weight is that
        of the last stage of the cascade.
    """

    smallest_pixels: ClassVar[int] = 30
    sure: ClassVar[float] = 2.0

    def __init__(
        self,
        *,
        scale_factor: Annotated[float, Field(gt=1, le=2)] = 1.1,
        min_neighbours: Annotated[int, Field(ge=0, le=100)] = 5,
        equalise: bool = False,
    ) -> None:
        self.scale_factor, self.min_neighbours, self.equalise = scale_factor, min_neighbours, equalise
        self._cascade = cv2.CascadeClassifier(str(CASCADE))

    def find(self, image: NDArray[np.uint8]) -> list[FaceBox]:
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        boxes, _, weights = self._cascade.detectMultiScale3(
            cv2.equalizeHist(grey) if self.equalise else grey,
            scaleFactor=self.scale_factor,
            minNeighbors=self.min_neighbours,
            minSize=(self.smallest_pixels, self.smallest_pixels),
            outputRejectLevels=True,
        )
        found = [
            FaceBox(int(left), int(top), int(width), float(weight))
            for (left, top, width, _), weight in zip(boxes, np.ravel(weights), strict=True)
        ]
        return sorted(found, key=lambda box: (-box.weight, box))
