"""Where the faces of a picture are, and the square around one."""

import threading

import cv2
import numpy as np
from numpy.typing import NDArray

from facegen.core.face_box import FaceBox
from facegen.core.interfaces import Detector
from facegen.core.registry import registry

MIN_FACE_SHARE = 0.1
"""Smallest face looked for, of the shorter side."""
MIN_FACE_PIXELS = 30
FACE_MARGIN = 0.25
"""What is kept around a detected face on each side, in sides of its box."""

_own = threading.local()


def find_faces(image: NDArray[np.uint8]) -> list[FaceBox]:
    """Find the frontal faces of a picture, the surest first.

    A large picture is searched at the size at which a tenth of its shorter side is the smallest face that can be
    found: the cost grows with the area, and a portrait's face stays large enough.

    Args:
        image: (H, W, 3) uint8, RGB.
    """
    height, width = image.shape[:2]
    scale = min(1.0, MIN_FACE_PIXELS / (MIN_FACE_SHARE * min(height, width)))
    searched = image
    if scale < 1:
        size = (round(width * scale), round(height * scale))
        searched = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return [
        FaceBox(round(box.left / scale), round(box.top / scale), round(box.side / scale), box.weight)
        for box in _detector().find(searched)
    ]


def crop_face(image: NDArray[np.uint8], box: FaceBox, margin: float = FACE_MARGIN) -> NDArray[np.uint8]:
    """Cut out a square around a face: its side is 1 + 2 margin boxes, as far as the picture reaches.

    Near an edge the square is moved, and shrunk only where the picture is smaller than it, so nothing is made up.
    """
    height, width = image.shape[:2]
    side = min(round(box.side * (1 + 2 * margin)), height, width)
    left = min(max(box.left + (box.side - side) // 2, 0), width - side)
    top = min(max(box.top + (box.side - side) // 2, 0), height - side)
    return image[top : top + side, left : left + side]


def _detector() -> Detector:
    # One a thread: a cascade keeps the picture that it searches in itself.
    if not hasattr(_own, "detector"):
        haar = registry().find("detector", "haar").load()
        _own.detector = haar(smallest_pixels=MIN_FACE_PIXELS, equalise=True)
    detector: Detector = _own.detector
    return detector
