"""Where the faces of a picture are, and the square around one."""

import threading
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from facegen.core.collection_interfaces import Detector, FaceBox

NewDetector = Callable[[], Detector]
"""Makes a detector; called once a thread, because a detector may keep the picture that it searches in itself."""
MIN_FACE_SHARE = 0.1
"""Smallest face looked for, of the shorter side."""
FACE_MARGIN = 0.25
"""What is kept around a detected face on each side, in sides of its box."""

_own = threading.local()


def find_faces(image: NDArray[np.uint8], new_detector: NewDetector) -> list[FaceBox]:
    """Find the frontal faces of a picture, the surest first.

    Those of at least a tenth of its shorter side: in a portrait, smaller ones are somebody else's.

    Args:
        image: (H, W, 3) uint8, RGB.
        new_detector: makes the detector of this thread.
    """
    return find_large_faces(image, max(1, round(MIN_FACE_SHARE * min(image.shape[:2]))), _detector(new_detector))


def find_large_faces(image: NDArray[np.uint8], smallest_pixels: int, detector: Detector) -> list[FaceBox]:
    """Find the faces of a size and more, the surest first, in a picture that is shrunk as far as this size allows.

    Args:
        image: (H, W, 3) uint8, RGB.
        smallest_pixels: side of the smallest face that must be found, in pixels of the picture.
        detector: searches the shrunk picture.
    """
    scale = min(1.0, detector.smallest_pixels / smallest_pixels)
    searched = image
    if scale < 1:
        size = [max(1, round(side * scale)) for side in (image.shape[1], image.shape[0])]
        searched = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return [
        FaceBox(round(box.left / scale), round(box.top / scale), round(box.side / scale), box.weight)
        for box in detector.find(searched)
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


def _detector(new_detector: NewDetector) -> Detector:
    if not hasattr(_own, "detectors"):
        _own.detectors = {}
    detectors: dict[NewDetector, Detector] = _own.detectors
    if new_detector not in detectors:
        detectors[new_detector] = new_detector()
    return detectors[new_detector]
