import cv2
import numpy as np
import pytest

from facegen.parts.detectors import haar
from facegen.parts.detectors.haar import Haar


class Pretend:
    """A cascade that notes what it is asked, and answers with what it is given."""

    def __init__(self, boxes, weights):
        self.answer = (np.array(boxes), None, np.array(weights))
        self.asked = []

    def detectMultiScale3(self, image, **settings):  # noqa: N802
        self.asked.append((image, settings))
        return self.answer


def searching(detector, boxes=(), weights=()):
    detector._cascade = Pretend(boxes, weights)
    return detector._cascade


@pytest.mark.parametrize(
    ("smallest", "shape", "window"), [(60, (360, 640), 30), (30, (720, 1280), 30), (24, (720, 1280), 24)]
)
def test_a_picture_is_shrunk_until_the_smallest_face_fills_the_window(smallest, shape, window):
    detector = Haar(smallest_pixels=smallest)
    cascade = searching(detector)
    assert detector.find(np.zeros((720, 1280, 3), np.uint8)) == []
    ((image, settings),) = cascade.asked
    assert (image.shape, settings["minSize"]) == (shape, (window, window))
    assert (settings["scaleFactor"], settings["minNeighbors"], settings["outputRejectLevels"]) == (1.1, 5, True)


def test_boxes_are_in_pixels_of_the_picture_and_the_surest_by_weight_is_first():
    detector = Haar(smallest_pixels=60)
    searching(detector, [(10, 20, 30, 30), (100, 40, 50, 50), (7, 9, 31, 31)], [[1.5], [7.25], [-0.5]])
    assert detector.find(np.zeros((720, 1280, 3), np.uint8)) == [
        (200, 80, 100, 7.25), (20, 40, 60, 1.5), (14, 18, 62, -0.5)
    ]


def test_equalised_greys_reach_from_black_to_white():
    picture = np.linspace(100, 130, 64 * 64).reshape(64, 64, 1).repeat(3, 2).astype(np.uint8)
    plain, equalised = Haar(smallest_pixels=30), Haar(smallest_pixels=30, equalise=True)
    seen = [searching(detector) for detector in (plain, equalised)]
    for detector in (plain, equalised):
        detector.find(picture)
    ranges = [(cascade.asked[0][0].min(), cascade.asked[0][0].max()) for cascade in seen]
    assert ranges == [(100, 130), (0, 255)]


def test_nothing_in_an_empty_picture_or_noise():
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    assert Haar().find(noise) == []
    assert Haar(smallest_pixels=4096).find(noise[:1, :1]) == []


def test_the_cascade_is_there():
    assert haar.CASCADE.is_file() and not cv2.CascadeClassifier(str(haar.CASCADE)).empty()
