import cv2
import numpy as np

from facegen.parts.detectors import haar
from facegen.parts.detectors.haar import Haar


class Pretend:
    """Cascade that records its calls and returns given boxes."""

    def __init__(self, boxes, weights):
        self.answer = (np.array(boxes), None, np.array(weights))
        self.calls = []

    def detectMultiScale3(self, image, **settings):  # noqa: N802
        self.calls.append((image, settings))
        return self.answer


def searching(detector, boxes=(), weights=()):
    detector._cascade = Pretend(boxes, weights)
    return detector._cascade


def test_cascade_gets_the_parameters_of_the_thesis():
    detector = Haar()
    cascade = searching(detector)
    assert detector.find(np.zeros((72, 128, 3), np.uint8)) == []
    ((image, settings),) = cascade.calls
    assert (image.shape, settings["minSize"]) == ((72, 128), (30, 30))
    assert (settings["scaleFactor"], settings["minNeighbors"], settings["outputRejectLevels"]) == (1.1, 5, True)


def test_boxes_are_sorted_by_confidence():
    detector = Haar()
    searching(detector, [(10, 20, 30, 30), (100, 40, 50, 50), (7, 9, 31, 31)], [[1.5], [7.25], [-0.5]])
    assert detector.find(np.zeros((72, 128, 3), np.uint8)) == [(100, 40, 50, 7.25), (10, 20, 30, 1.5), (7, 9, 31, -0.5)]


def test_equalised_greys_reach_from_black_to_white():
    picture = np.linspace(100, 130, 64 * 64).reshape(64, 64, 1).repeat(3, 2).astype(np.uint8)
    plain, equalised = Haar(), Haar(equalise=True)
    seen = [searching(detector) for detector in (plain, equalised)]
    for detector in (plain, equalised):
        detector.find(picture)
    ranges = [(cascade.calls[0][0].min(), cascade.calls[0][0].max()) for cascade in seen]
    assert ranges == [(100, 130), (0, 255)]


def test_empty_and_noise_pictures_have_no_face():
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    assert Haar().find(noise) == []
    assert Haar().find(noise[:1, :1]) == []


def test_cascade_file_exists():
    assert haar.CASCADE.is_file() and not cv2.CascadeClassifier(str(haar.CASCADE)).empty()
