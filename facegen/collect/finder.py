"""The faces of one frame after another."""

import numpy as np
from numpy.typing import NDArray

from facegen.collect.examine_settings import FaceSettings
from facegen.core.face_box import FaceBox
from facegen.core.interfaces import Detector
from facegen.data.faces import find_large_faces

TOLD_SHARE = 0.8
"""Faces down to this share of the least side are found, too, so that they can be called too small."""
CHANGE_SHARE = 0.8
"""A face may shrink to this share from one frame to the next before the search would pass over those beside it."""


class FaceFinder:
    """Searches frames of one video at the least size that answers the question.

    While a face is known from the frame before, only faces that could count beside it are looked for: a large face
    lets a small picture do. Where that finds nothing, the frame is searched for the smallest faces.

    Args:
        detector: searches pictures.
        settings: which faces count.
    """

    def __init__(self, detector: Detector, settings: FaceSettings) -> None:
        self._detector, self._settings = detector, settings
        self._smallest = max(1, round(TOLD_SHARE * settings.min_face_pixels))
        self._known_side = 0

    def find(self, image: NDArray[np.uint8]) -> list[FaceBox]:
        """The faces, the surest first; small ones beside a much larger one may be left out."""
        counting = round(CHANGE_SHARE * self._settings.other_face_share * self._known_side)
        faces: list[FaceBox] = []
        if counting > self._smallest and not self._settings.search_all:
            faces = find_large_faces(image, counting, self._detector)
        if not faces:
            faces = find_large_faces(image, self._smallest, self._detector)
        self._known_side = faces[0].side if faces else 0
        return faces
