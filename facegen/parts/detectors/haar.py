"""Detector: cascade of Haar features."""

from pathlib import Path
from typing import Annotated, ClassVar

import cv2
import numpy as np
from cv2.data import haarcascades
from numpy.typing import NDArray
from pydantic import Field

from facegen.core.collection_interfaces import Detector, FaceBox

CASCADE = Path(haarcascades) / "haarcascade_frontalface_default.xml"


class Haar(Detector):
    """Frontal face detection with OpenCV's Haar cascade, sorted by the cascade's weight.

    It finds faces of 30 pixels and more: the window of the cascade has 24 pixels and needs a margin. Its time grows
    with the area of the image; a larger image does not make it find large faces better.

    Settings:
        scale_factor: ratio of successive sizes in the search.
        min_neighbours: number of overlapping detections that a face needs.
        equalise: equalise the histogram first. It finds a few more faces in dark images; in others it takes up to twice
            the time and lowers the weights.
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
        faces = [
            FaceBox(int(left), int(top), int(width), float(weight))
            for (left, top, width, _), weight in zip(boxes, np.ravel(weights), strict=True)
        ]
        return sorted(faces, key=lambda box: (-box.weight, box))
