"""Sharpness of a face, independent of size, light and contrast."""

import cv2
import numpy as np
from numpy.typing import NDArray

MEASURED_PIXELS = 64


def sharpness(face: NDArray[np.uint8]) -> float:
    """Compute var(Laplacian(grey)) / var(grey) of a face resized to 64 pixels.

    The fixed size makes small and large faces comparable; the division compensates for dim light and low contrast.

    Args:
        face: (S, S, 3) uint8 RGB, the detector's box without margin.
    Returns:
        The sharpness; 0 for an image of one colour.
    Source:
        Pech-Pacheco et al. 2000 for the variance of the Laplacian; size and ratio are ours.
    """
    grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
    method = cv2.INTER_AREA if len(grey) > MEASURED_PIXELS else cv2.INTER_LINEAR
    small = cv2.resize(grey, (MEASURED_PIXELS, MEASURED_PIXELS), interpolation=method).astype(np.float64)
    spread = float(small.var())
    return float(cv2.Laplacian(small, cv2.CV_64F).var()) / spread if spread > 0 else 0.0
