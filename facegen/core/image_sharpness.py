"""Sharpness of a face image, independent of its size, brightness and contrast."""

import cv2
import numpy as np
from numpy.typing import NDArray

MEASURED_PIXELS = 64


def sharpness(face: NDArray[np.uint8]) -> float:
    """Compute the variance of the Laplacian divided by the variance of the grey levels, at 64 x 64 pixels.

    Larger faces are shrunk to this size first, so that faces of different sizes are comparable. The division
    compensates for dim light and low contrast. Values of different crops (with or without a margin) are not comparable.

    Args:
        face: (S, S, 3) uint8 RGB.
    Returns:
        0 for an image of a single colour.
    Source:
        Pech-Pacheco et al. 2000 for the variance of the Laplacian; the size and the ratio are ours.
    """
    grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
    method = cv2.INTER_AREA if len(grey) > MEASURED_PIXELS else cv2.INTER_LINEAR
    resized = cv2.resize(grey, (MEASURED_PIXELS, MEASURED_PIXELS), interpolation=method).astype(np.float64)
    variance = float(resized.var())
    return float(cv2.Laplacian(resized, cv2.CV_64F).var()) / variance if variance > 0 else 0.0
