import numpy as np
import pytest

from facegen.collect.examine_settings import FaceSettings
from facegen.collect.finder import FaceFinder
from facegen.core.face_box import FaceBox
from facegen.core.interfaces import Detector

FRAME = np.zeros((720, 1280, 3), np.uint8)


class Truth(Detector):
    """Finds the true faces (left, top, side in pixels of the whole frame) that are large enough in what it is shown."""

    smallest_pixels = 30

    def __init__(self):
        self.faces, self.widths = [], []

    def find(self, image):
        self.widths.append(image.shape[1])
        scale = image.shape[1] / 1280
        scaled = [FaceBox(*(round(scale * value) for value in face), 9.0 - n) for n, face in enumerate(self.faces)]
        return [box for box in scaled if box.side >= self.smallest_pixels]


def find(finder, detector, *faces):
    detector.faces, detector.widths = list(faces), []
    return [box.side for box in finder.find(FRAME)], detector.widths


def test_a_known_large_face_lets_a_small_picture_do():
    detector = Truth()
    finder = FaceFinder(detector, FaceSettings(min_face_pixels=64))
    whole = round(1280 * 30 / 51)
    assert find(finder, detector, (500, 100, 300)) == ([pytest.approx(300, abs=1)], [whole])
    # Beside a face of 300 pixels, those of 150 count: 120 pixels, searched at 30.
    assert find(finder, detector, (500, 100, 300)) == ([300], [320])
    sides, widths = find(finder, detector, (500, 100, 280), (100, 100, 150), (900, 10, 100))
    assert (sides, widths) == ([280, 152], [320])


def test_a_face_that_was_lost_is_looked_for_in_all_sizes():
    detector = Truth()
    finder = FaceFinder(detector, FaceSettings(min_face_pixels=64))
    whole = round(1280 * 30 / 51)
    find(finder, detector, (500, 100, 300))
    assert find(finder, detector, (500, 100, 70)) == ([pytest.approx(70, abs=1)], [320, whole])
    assert find(finder, detector) == ([], [whole])
    assert find(finder, detector, (500, 100, 300))[1] == [whole]


def test_search_all_leaves_nothing_out():
    detector = Truth()
    finder = FaceFinder(detector, FaceSettings(min_face_pixels=38, search_all=True))
    for _ in range(2):
        assert find(finder, detector, (500, 100, 300), (900, 10, 31)) == ([300, 31], [1280])
