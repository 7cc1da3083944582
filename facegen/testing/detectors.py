"""The check of detectors."""

import math

import numpy as np
from numpy.typing import NDArray

from facegen.core.batch import DataSpec
from facegen.core.collection_interfaces import Detector
from facegen.testing.expect import expect

SHAPES = ((64, 64), (16, 400), (400, 16), (241, 317))


def check_detector(detector: Detector, data: DataSpec) -> None:
    """Boxes are squares with finite weights, the surest first, for pictures of any shape, which stay as they are."""
    random = np.random.default_rng(0)
    for height, width in SHAPES:
        noise = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        for what, image in (("noise", noise), ("black", np.zeros_like(noise)), ("a view", noise[::-1, ::2])):
            _check_boxes(detector, image, f"a picture of {what}, {image.shape[1]}x{image.shape[0]}")


def _check_boxes(detector: Detector, image: NDArray[np.uint8], what: str) -> None:
    before = image.copy()
    boxes = detector.find(image)
    expect(np.array_equal(image, before), f"changes the picture that it searches ({what})")
    expect(boxes == detector.find(image), f"answers {what} differently when asked again")
    weights = [box.weight for box in boxes]
    expect(all(math.isfinite(weight) for weight in weights), f"is sure of a face by {weights} in {what}")
    expect(weights == sorted(weights, reverse=True), f"does not give the surest face first in {what}: {weights}")
    for box in boxes:
        whole = all(isinstance(value, int) for value in box[:3])
        expect(whole and box.side > 0, f"gives {box} in {what}; must be whole pixels")
