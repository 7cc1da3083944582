"""Where the faces of a picture are: the frontal Haar cascade that comes with OpenCV."""

import threading
from pathlib import Path

import cv2
import numpy as np
from cv2.data import haarcascades
from numpy.typing import NDArray

from facegen.core.face_box import FaceBox

LONGEST_SIDE_PIXELS = 640
"""Larger pictures are searched at this size: the cost grows with the area, and a face stays large enough."""
MIN_FACE_SHARE = 0.1
"""Smallest face looked for, of the shorter side."""
MIN_FACE_PIXELS = 30
SCALE_FACTOR = 1.1
MIN_NEIGHBOURS = 5
FACE_MARGIN = 0.25
"""What is kept around a detected face on each side, in sides of its box."""

_own = threading.local()


def find_faces(image: NDArray[np.uint8]) -> list[FaceBox]:
    """Find the frontal faces of a picture, the surest first.

    Args:
        image: (H, W, 3) uint8, RGB.
    Source:
        Viola & Jones 2001, as trained by Lienhart for OpenCV; the surest by its weight, as in Roldan Sanchez 2018.
    """
    scale = min(1.0, LONGEST_SIDE_PIXELS / max(image.shape[:2]))
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    smallest = max(MIN_FACE_PIXELS, round(MIN_FACE_SHARE * min(grey.shape)))
    boxes, _, weights = _cascade().detectMultiScale3(
        cv2.equalizeHist(grey),
        scaleFactor=SCALE_FACTOR,
        minNeighbors=MIN_NEIGHBOURS,
        minSize=(smallest, smallest),
        outputRejectLevels=True,
    )
    found = [
        FaceBox(round(left / scale), round(top / scale), round(width / scale), float(weight))
        for (left, top, width, _), weight in zip(boxes, np.ravel(weights), strict=True)
    ]
    return sorted(found, key=lambda box: (-box.weight, box))


def crop_face(image: NDArray[np.uint8], box: FaceBox, margin: float = FACE_MARGIN) -> NDArray[np.uint8]:
    """Cut out a square around a face: its side is 1 + 2 margin boxes, as far as the picture reaches.

    Near an edge the square is moved, and shrunk only where the picture is smaller than it, so nothing is made up.
    """
    height, width = image.shape[:2]
    side = min(round(box.side * (1 + 2 * margin)), height, width)
    left = min(max(box.left + (box.side - side) // 2, 0), width - side)
    top = min(max(box.top + (box.side - side) // 2, 0), height - side)
    return image[top : top + side, left : left + side]


def _cascade() -> cv2.CascadeClassifier:
    # One a thread: a classifier keeps the picture that it searches in itself.
    if not hasattr(_own, "cascade"):
        path = Path(haarcascades) / "haarcascade_frontalface_default.xml"
        _own.cascade = cv2.CascadeClassifier(str(path))
    cascade: cv2.CascadeClassifier = _own.cascade
    return cascade
