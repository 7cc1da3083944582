import numpy as np
import pytest

from facegen.collect.video.examine_settings import FaceSettings
from facegen.collect.video.face_finder import SMALL_SEARCH_INTERVAL_FRAMES, FaceFinder
from facegen.core.collection_interfaces import Detector, FaceBox

FRAME = np.zeros((720, 1280, 3), np.uint8)


class Truth(Detector):
    """Detector that returns the given faces (left, top, side in pixels of the whole frame) that are large enough."""

    smallest_pixels = 30

    def __init__(self):
        self.faces, self.widths = [], []

    def find(self, image):
        self.widths.append(image.shape[1])
        scale = image.shape[1] / 1280
        scaled = [FaceBox(*(round(scale * value) for value in face), 9.0 - n) for n, face in enumerate(self.faces)]
        return [box for box in scaled if box.side >= self.smallest_pixels]


def find(finder, detector, *faces, known=0):
    detector.faces, detector.widths = list(faces), []
    boxes = finder.find(FRAME, FaceBox(0, 0, known, 9.0) if known else None)
    return [box.side for box in boxes], detector.widths


def test_a_known_large_face_allows_a_small_image():
    detector = Truth()
    finder = FaceFinder(detector, FaceSettings(min_face_pixels=64))
    # Beside a face of 300 pixels, those of 150 count: 120 pixels, searched at 30.
    assert find(finder, detector, (500, 100, 300), known=300) == ([300], [320])
    sides, widths = find(finder, detector, (500, 100, 280), (100, 100, 150), (900, 10, 100), known=300)
    assert (sides, widths) == ([280, 152], [320])
    # Beside a small face, those that count are as small as the smallest acceptable ones.
    assert find(finder, detector, (500, 100, 100), known=100)[1] == [round(1280 * 30 / 51)]


def test_a_lost_face_is_searched_in_all_sizes():
    detector = Truth()
    finder = FaceFinder(detector, FaceSettings(min_face_pixels=64))
    find(finder, detector)
    assert find(finder, detector, (500, 100, 70), known=300) == ([pytest.approx(70, abs=1)], [320, 600])


def test_too_small_faces_are_searched_while_there_are_some_and_at_intervals():
    detector = Truth()
    finder = FaceFinder(detector, FaceSettings(min_face_pixels=64))
    acceptable, with_too_small = 600, round(1280 * 30 / 51)
    assert [find(finder, detector)[1] for _ in range(SMALL_SEARCH_INTERVAL_FRAMES + 1)] == [
        [with_too_small],
        *[[acceptable]] * (SMALL_SEARCH_INTERVAL_FRAMES - 1),
        [with_too_small],
    ]
    assert find(finder, detector, (500, 100, 55)) == ([], [acceptable])
    assert find(finder, detector, (500, 100, 55), known=56) == ([pytest.approx(55, abs=1)], [with_too_small])


def test_search_all_leaves_nothing_out():
    detector = Truth()
    finder = FaceFinder(detector, FaceSettings(min_face_pixels=38, search_all=True))
    for known in (0, 300):
        sides, (width,) = find(finder, detector, (500, 100, 300), (900, 10, 39), known=known)
        assert sides == [pytest.approx(300, abs=1), pytest.approx(39, abs=1)] and width >= round(1280 * 30 / 38)
