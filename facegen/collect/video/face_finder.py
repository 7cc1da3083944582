"""Face search in the successive frames of a video."""

import numpy as np
from numpy.typing import NDArray

from facegen.collect.video.examine_settings import FaceSettings
from facegen.core.collection_interfaces import Detector, FaceBox
from facegen.data.media.face_crops import find_large_faces

SMALL_SEARCH_SHARE = 0.8
"""Faces down to this share of the least side are searched for, too, so that they are reported as too small."""
SMALL_SEARCH_INTERVAL_FRAMES = 8
"""Interval of the searches for too small faces while there is no face; such a search takes 1.5 times as long."""
CHANGE_SHARE = 0.8
"""Share to which a face may shrink between two frames before a search could miss the faces beside it."""


class FaceFinder:
    """Face search that shrinks each frame of a video as far as the settings allow.

    While the speaker's face is known from the frame before, only faces that could count beside it are searched for, so
    a large face allows a strongly shrunk frame. If that finds nothing, the frame is searched for the smallest
    acceptable faces. Faces that are slightly too small are included while there are some, and at every
    SMALL_SEARCH_INTERVAL_FRAMES-th search.

    Args:
        detector: face detector.
        settings: sizes of the faces.
    """

    def __init__(self, detector: Detector, settings: FaceSettings) -> None:
        self._detector, self._settings = detector, settings
        self._searches = 0

    def find(self, image: NDArray[np.uint8], known: FaceBox | None = None) -> list[FaceBox]:
        """Find the faces of a frame, by decreasing weight; small faces beside a much larger one may be missing.

        Args:
            image: (H, W, 3) uint8 RGB.
            known: the speaker's face in the frame before.
        """
        least, side = self._settings.min_face_pixels, known.side if known else 0
        least_counting = round(CHANGE_SHARE * self._settings.other_face_share * side)
        if least_counting > least and not self._settings.search_all:
            faces = find_large_faces(image, least_counting, self._detector)
            if faces:
                return faces
        include_too_small = 0 < side < least or self._searches % SMALL_SEARCH_INTERVAL_FRAMES == 0
        self._searches += 1
        return find_large_faces(
            image, round(SMALL_SEARCH_SHARE * least) if include_too_small else least, self._detector
        )
