"""How sharp a face is, whatever its size, light and contrast."""

import cv2
import numpy as np
from numpy.typing import NDArray

MEASURED_PIXELS = 64


def sharpness(face: NDArray[np.uint8]) -> float:
    """Variance of the Laplacian by the variance of the greys, at 64 pixels.

    A face of 64 pixels or more is measured at this size, so that sharpness that a small face cannot have is not asked
    of it; dividing by the variance makes up for dim light and low contrast.

    Args:
        face: (S, S, 3) uint8 RGB, the detector's box without margin.
    Returns:
        0 for a picture of one colour.
    Source:
        Pech-Pacheco et al. 2000 for the variance of the Laplacian; size and ratio are ours.
    """
    grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
    method = cv2.INTER_AREA if len(grey) > MEASURED_PIXELS else cv2.INTER_LINEAR
    small = cv2.resize(grey, (MEASURED_PIXELS, MEASURED_PIXELS), interpolation=method).astype(np.float64)
    spread = float(small.var())
    return float(cv2.Laplacian(small, cv2.CV_64F).var()) / spread if spread > 0 else 0.0
