import cv2
import numpy as np
import pytest

from facegen.core.image_sharpness import sharpness


def by_hand(grey):
    """Compute the sharpness in float64, with the edges mirrored as in OpenCV."""
    padded = np.pad(grey.astype(np.float64), 1, mode="reflect")
    laplacian = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:] - 4 * padded[1:-1, 1:-1]
    return laplacian.var() / grey.astype(np.float64).var()


def face(seed=0, side=64):
    rough = np.random.default_rng(seed).integers(0, 256, (12, 12), dtype=np.uint8)
    return cv2.resize(rough, (side, side), interpolation=cv2.INTER_CUBIC)


def test_equals_the_formula():
    grey = face()
    assert sharpness(grey[..., None].repeat(3, 2)) == pytest.approx(by_hand(grey), rel=1e-9)


def test_brightness_and_contrast_have_no_effect():
    grey = face(1)
    dim = (40 + grey * 0.5).astype(np.uint8)
    assert sharpness(dim[..., None].repeat(3, 2)) == pytest.approx(sharpness(grey[..., None].repeat(3, 2)), rel=0.08)


def test_blur_lowers_sharpness():
    grey = face(2, 256)[..., None].repeat(3, 2)
    blurred = [sharpness(cv2.GaussianBlur(grey, (0, 0), sigma)) for sigma in (2, 6, 12)]
    assert sharpness(grey) > blurred[0] > blurred[1] > blurred[2]


def test_one_colour_has_no_sharpness():
    assert sharpness(np.full((80, 80, 3), 7, np.uint8)) == 0
