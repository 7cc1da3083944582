"""Viola and Jones's cascade of Haar features."""

from pathlib import Path
from typing import Annotated, ClassVar

import cv2
import numpy as np
from cv2.data import haarcascades
from numpy.typing import NDArray
from pydantic import Field

from facegen.core.face_box import FaceBox
from facegen.core.interfaces import Detector

CASCADE = Path(haarcascades) / "haarcascade_frontalface_default.xml"
SEARCHED_PIXELS = 30
"""Side of the smallest face when it is searched; the cascade's own window of 24 pixels, with room to land on a face."""


class Haar(Detector):
    """Frontal faces by the cascade that comes with OpenCV, the surest first by its weight.

    A picture is shrunk until the smallest face that is looked for just fills the cascade's window, and searched at that
    size: twice the side would cost four times the time, and larger faces are found no better for it.

    Settings:
        smallest_pixels: side of the smallest face that is looked for, in pixels of the picture.
        scale_factor: from one size of face to the next.
        min_neighbours: how many windows around a face must agree.
        equalise: spread the greys over the whole range first; finds a few more faces in dim pictures, and in others
            it costs up to twice the time and makes the cascade less sure.
    Source:
        Viola & Jones 2001, as trained by Lienhart for OpenCV; 1.1 and 5 as in Roldan Sanchez 2018. The weight is that
        of the last stage of the cascade; the size of the search is ours.
    """

    sure: ClassVar[float] = 2.0

    def __init__(
        self,
        *,
        smallest_pixels: Annotated[int, Field(ge=20, le=4096)] = 64,
        scale_factor: Annotated[float, Field(gt=1, le=2)] = 1.1,
        min_neighbours: Annotated[int, Field(ge=0, le=100)] = 5,
        equalise: bool = False,
    ) -> None:
        self.smallest_pixels = smallest_pixels
        self.scale_factor, self.min_neighbours, self.equalise = scale_factor, min_neighbours, equalise
        self._cascade = cv2.CascadeClassifier(str(CASCADE))

    def find(self, image: NDArray[np.uint8]) -> list[FaceBox]:
        scale = min(1.0, SEARCHED_PIXELS / self.smallest_pixels)
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        if scale < 1:
            size = [max(1, round(side * scale)) for side in (grey.shape[1], grey.shape[0])]
            grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        smallest = round(self.smallest_pixels * scale)
        boxes, _, weights = self._cascade.detectMultiScale3(
            cv2.equalizeHist(grey) if self.equalise else grey,
            scaleFactor=self.scale_factor,
            minNeighbors=self.min_neighbours,
            minSize=(smallest, smallest),
            outputRejectLevels=True,
        )
        found = [
            FaceBox(round(left / scale), round(top / scale), round(width / scale), float(weight))
            for (left, top, width, _), weight in zip(boxes, np.ravel(weights), strict=True)
        ]
        return sorted(found, key=lambda box: (-box.weight, box))
