"""Pictures as face detectors of other packages read them."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_SEARCHED_PIXELS = 224
"""Images are enlarged to this side: dlib's detector finds no faces below 80 pixels."""
_MARGIN = 0.25
"""Share of the image on each side that is cut off where the face is not detected."""


def enlarged(face: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Enlarge a picture, (H, W, 3), so that its smaller side has at least 224 pixels."""
    scale = max(1.0, _SEARCHED_PIXELS / min(face.shape[:2]))
    size = (round(face.shape[1] * scale), round(face.shape[0] * scale))
    return np.asarray(Image.fromarray(face).resize(size, Image.Resampling.BICUBIC))


def centre_box(picture: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of the middle of a picture, (H, W, 3); the last two are inside."""
    height, width = picture.shape[:2]
    left, top = round(_MARGIN * width), round(_MARGIN * height)
    return left, top, width - left - 1, height - top - 1
