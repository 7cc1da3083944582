"""Detector: YuNet."""

from pathlib import Path
from typing import Annotated, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from facegen.core.collection_interfaces import Detector, FaceBox
from facegen.core.errors import DataError

MOST_FACES = 5000
SAME_FACE_OVERLAP = 0.3
"""Boxes with a larger overlap are one face. Both numbers are OpenCV's defaults."""


class Yunet(Detector):
    """Face detection in any pose with YuNet, sorted by its score from 0 to 1; the smallest faces have about 20 pixels.

    Settings:
        model: file of the network, such as face_detection_yunet_2023mar.onnx of OpenCV's model zoo; facegen does not
            contain it.
        least_score: lowest score of a face.
    Raises:
        DataError: there is no such file, or OpenCV cannot read it as YuNet.
    Source:
        Wu, Peng and Yu 2023, as OpenCV's FaceDetectorYN runs it. Extending the box to a square around its
        centre is ours.
    """

    smallest_pixels: ClassVar[int] = 20
    sure: ClassVar[float] = 0.8

    def __init__(
        self,
        *,
        model: Path,
        least_score: Annotated[float, Field(gt=0, lt=1)] = 0.6,
    ) -> None:
        if not model.is_file():
            raise DataError(
                f"{model}: is no file; fetch face_detection_yunet_2023mar.onnx from OpenCV's model zoo "
                f"(github.com/opencv/opencv_zoo) and give its path"
            )
        try:
            self._network = cv2.FaceDetectorYN.create(
                str(model), "", (64, 64), least_score, SAME_FACE_OVERLAP, MOST_FACES
            )
            self.find(np.zeros((64, 64, 3), np.uint8))
        except cv2.error as error:
            reason = str(error).strip().splitlines()[-1]
            raise DataError(f"{model}: is no YuNet that OpenCV {cv2.__version__} can run ({reason})") from None

    def find(self, image: NDArray[np.uint8]) -> list[FaceBox]:
        self._network.setInputSize((image.shape[1], image.shape[0]))
        _, rows = self._network.detect(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        faces = [_square(row, float(row[-1])) for row in (() if rows is None else rows)]
        return sorted(faces, key=lambda box: (-box.weight, box))


def _square(row: NDArray[np.float32], score: float) -> FaceBox:
    # A row is left, top, width, height, five points, score.
    left, top, width, height = (float(value) for value in row[:4])
    side = max(width, height)
    return FaceBox(round(left + (width - side) / 2), round(top + (height - side) / 2), round(side), score)
