"""Check of detectors."""

import math

import numpy as np
from numpy.typing import NDArray

from facegen.core.batch import DataSpec
from facegen.core.collection_interfaces import Detector
from facegen.testing.expect import expect

SHAPES = ((64, 64), (16, 400), (400, 16), (241, 317))


def check_detector(detector: Detector, data: DataSpec) -> None:
    """Check that boxes are squares with finite, descending weights, and that images of any shape are not changed."""
    random = np.random.default_rng(0)
    for height, width in SHAPES:
        noise = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        for content, image in (("noise", noise), ("black", np.zeros_like(noise)), ("strided", noise[::-1, ::2])):
            _check_boxes(detector, image, f"the {content} image of {image.shape[1]}x{image.shape[0]} pixels")


def _check_boxes(detector: Detector, image: NDArray[np.uint8], what: str) -> None:
    before = image.copy()
    boxes = detector.find(image)
    expect(np.array_equal(image, before), f"changes {what}")
    expect(boxes == detector.find(image), f"returns other boxes for {what} when called again")
    weights = [box.weight for box in boxes]
    returned = f"returns the weights {weights} for {what}"
    expect(all(math.isfinite(weight) for weight in weights), f"{returned}; must be finite")
    expect(weights == sorted(weights, reverse=True), f"{returned}; must be in descending order")
    for box in boxes:
        whole = all(isinstance(value, int) for value in box[:3])
        expect(whole and box.side > 0, f"returns {box} for {what}; must be whole pixels with side > 0")
