"""Face detection in an image, and the square crop around a face."""

import threading
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from facegen.core.collection_interfaces import Detector, FaceBox

NewDetector = Callable[[], Detector]
"""Makes a detector; called once per thread, because a detector may hold the image that it searches."""
MIN_FACE_SHARE = 0.1
"""Side of the smallest face to find, as a share of the shorter side of the image."""
FACE_MARGIN = 0.25
"""Margin around a detected face, on each side, as a multiple of the side of its box."""

_thread_local = threading.local()


def find_faces(image: NDArray[np.uint8], new_detector: NewDetector) -> list[FaceBox]:
    """Find the frontal faces of an image, the most confident first.

    Faces below a tenth of the shorter side are ignored: in a portrait, they are in the background.

    Args:
        image: (H, W, 3) uint8, RGB.
        new_detector: makes the detector of this thread.
    """
    return find_large_faces(image, max(1, round(MIN_FACE_SHARE * min(image.shape[:2]))), _detector(new_detector))


def find_large_faces(image: NDArray[np.uint8], smallest_pixels: int, detector: Detector) -> list[FaceBox]:
    """Find faces of at least a given size, the most confident first, in a copy shrunk as far as this size allows.

    Args:
        image: (H, W, 3) uint8, RGB.
        smallest_pixels: side of the smallest face that must be found, in pixels of `image`.
        detector: searches the shrunk copy.
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
    """Crop a square around a face; its side is (1 + 2 * margin) times that of the box.

    Near an edge the square is moved inside the image. It is shrunk only if the image is smaller, so that no padding is
    needed.
    """
    height, width = image.shape[:2]
    side = min(round(box.side * (1 + 2 * margin)), height, width)
    left = min(max(box.left + (box.side - side) // 2, 0), width - side)
    top = min(max(box.top + (box.side - side) // 2, 0), height - side)
    return image[top : top + side, left : left + side]


def _detector(new_detector: NewDetector) -> Detector:
    if not hasattr(_thread_local, "detectors"):
        _thread_local.detectors = {}
    detectors: dict[NewDetector, Detector] = _thread_local.detectors
    if new_detector not in detectors:
        detectors[new_detector] = new_detector()
    return detectors[new_detector]
