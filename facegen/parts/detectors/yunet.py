"""YuNet, a small convolutional network that OpenCV runs."""

from pathlib import Path
from typing import Annotated, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from facegen.core.errors import DataError
from facegen.core.face_box import FaceBox
from facegen.core.interfaces import Detector

MOST_FACES = 5000
SAME_FACE_OVERLAP = 0.3
"""Boxes that share more than this are one face; OpenCV's own default, as the number above is."""


class Yunet(Detector):
    """Faces in any pose by YuNet, the surest first by its score from 0 to 1.

    Settings:
        model: file of the network, such as face_detection_yunet_2023mar.onnx of OpenCV's model zoo; it is not part
            of facegen.
        longest_pixels: larger pictures are searched at this size; a face of a thirtieth of it is found.
        least_score: boxes below are not told.
    Raises:
        DataError: there is no such file, or OpenCV cannot read it as YuNet.
    Source:
        Wu, Peng and Yu 2023, as OpenCV's FaceDetectorYN runs it. Its box is made square here, around its centre.
    """

    sure: ClassVar[float] = 0.8

    def __init__(
        self,
        *,
        model: Path,
        longest_pixels: Annotated[int, Field(ge=64, le=4096)] = 640,
        least_score: Annotated[float, Field(gt=0, lt=1)] = 0.6,
    ) -> None:
        if not model.is_file():
            raise DataError(
                f"{model}: is no file; fetch face_detection_yunet_2023mar.onnx from OpenCV's model zoo "
                f"(github.com/opencv/opencv_zoo) and give its path"
            )
        self.longest_pixels = longest_pixels
        try:
            self._network = cv2.FaceDetectorYN.create(
                str(model), "", (64, 64), least_score, SAME_FACE_OVERLAP, MOST_FACES
            )
            self.find(np.zeros((64, 64, 3), np.uint8))
        except cv2.error as error:
            reason = str(error).strip().splitlines()[-1]
            raise DataError(f"{model}: is no YuNet that OpenCV {cv2.__version__} can run ({reason})") from None

    def find(self, image: NDArray[np.uint8]) -> list[FaceBox]:
        height, width = image.shape[:2]
        scale = min(1.0, self.longest_pixels / max(height, width))
        searched = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        if scale < 1:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            searched = cv2.resize(searched, size, interpolation=cv2.INTER_AREA)
        self._network.setInputSize((searched.shape[1], searched.shape[0]))
        _, rows = self._network.detect(searched)
        found = [_square(row / scale, float(row[-1])) for row in (() if rows is None else rows)]
        return sorted(found, key=lambda box: (-box.weight, box))


def _square(row: NDArray[np.float32], score: float) -> FaceBox:
    # A row is left, top, width, height, five points, score.
    left, top, width, height = (float(value) for value in row[:4])
    side = max(width, height)
    return FaceBox(round(left + (width - side) / 2), round(top + (height - side) / 2), round(side), score)
