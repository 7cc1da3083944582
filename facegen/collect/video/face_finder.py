"""The faces of one frame after another."""

import numpy as np
from numpy.typing import NDArray

from facegen.collect.video.examine_settings import FaceSettings
from facegen.core.collection_interfaces import Detector, FaceBox
from facegen.data.media.face_crops import find_large_faces

TOLD_SHARE = 0.8
"""Faces down to this share of the least side are looked for, too, so that they can be called too small."""
TOLD_EVERY = 8
"""Where there is no face, how often such small ones are looked for, in frames: they take half as long again."""
CHANGE_SHARE = 0.8
"""A face may shrink to this share from one frame to the next before the search would pass over those beside it."""


class FaceFinder:
    """Searches frames of one video at the least size that answers the question.

    While a face is known from the frame before, only faces that could count beside it are looked for: a large face
    lets a small picture do. Where that finds nothing, the frame is searched for the smallest faces that may be kept;
    and, while there are some, and now and then where there are none, for those that are just too small.

    Args:
        detector: searches pictures.
        settings: which faces count.
    """

    def __init__(self, detector: Detector, settings: FaceSettings) -> None:
        self._detector, self._settings = detector, settings
        self._searches = 0

    def find(self, image: NDArray[np.uint8], known: FaceBox | None = None) -> list[FaceBox]:
        """The faces, the surest first; small ones beside a much larger one may be left out.

        Args:
            image: (H, W, 3) uint8, RGB.
            known: the speaker's face in the frame before.
        """
        least, side = self._settings.min_face_pixels, known.side if known else 0
        counting = round(CHANGE_SHARE * self._settings.other_face_share * side)
        if counting > least and not self._settings.search_all:
            faces = find_large_faces(image, counting, self._detector)
            if faces:
                return faces
        tells = 0 < side < least or self._searches % TOLD_EVERY == 0
        self._searches += 1
        return find_large_faces(image, round(TOLD_SHARE * least) if tells else least, self._detector)
