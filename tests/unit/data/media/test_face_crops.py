from threading import Thread

import numpy as np
import pytest
from corpus_files import draw_face

from facegen.cli.detector import frontal_detector
from facegen.core.collection_interfaces import Detector, FaceBox
from facegen.data.media.face_crops import crop_face, find_faces, find_large_faces

BOX = FaceBox(left=40, top=30, side=20, weight=1.0)


def test_no_face_in_noise():
    assert find_faces(draw_face(0, 64), frontal_detector) == []


def test_a_thin_image_is_searched():
    assert find_faces(np.zeros((16, 4000, 3), np.uint8), frontal_detector) == []


def test_each_kind_of_detector_is_made_once_per_thread():
    made = []

    def first() -> Detector:
        made.append("first")
        return frontal_detector()

    def second() -> Detector:
        made.append("second")
        return frontal_detector()

    for new in (first, first, second, first):
        find_faces(draw_face(0, 64), new)
    thread = Thread(target=find_faces, args=(draw_face(0, 64), first))
    thread.start()
    thread.join()
    assert made == ["first", "second", "first"]


class Noting(Detector):
    smallest_pixels = 30

    def find(self, image):
        self.shape = image.shape
        return [FaceBox(20, 10, 40, 7.0), FaceBox(3, 5, 31, 1.0)]


@pytest.mark.parametrize(
    ("smallest", "searched", "first"),
    [
        (60, (360, 640, 3), (40, 20, 80, 7.0)),
        (30, (720, 1280, 3), (20, 10, 40, 7.0)),
        (20, (720, 1280, 3), (20, 10, 40, 7.0)),
    ],
)
def test_an_image_is_shrunk_as_far_as_its_smallest_face_allows(smallest, searched, first):
    detector = Noting()
    assert find_large_faces(np.zeros((720, 1280, 3), np.uint8), smallest, detector)[0] == first
    assert detector.shape == searched


@pytest.mark.parametrize(("margin", "rows", "columns"), [(0.0, (30, 50), (40, 60)), (0.5, (20, 60), (30, 70))])
def test_crop_is_centred_on_the_box(margin, rows, columns):
    image = draw_face(1, 100)
    assert np.array_equal(crop_face(image, BOX, margin), image[slice(*rows), slice(*columns)])


def test_crop_near_an_edge_is_moved_inside():
    image = draw_face(2, 100)
    assert np.array_equal(crop_face(image, FaceBox(80, 2, 20, 1.0), 0.5), image[0:40, 60:100])


def test_crop_larger_than_the_image_is_the_largest_square():
    image = draw_face(3, 50)[:, :45]
    cropped = crop_face(image, FaceBox(10, 10, 30, 1.0), 2.0)
    assert cropped.shape == (45, 45, 3)
    assert np.array_equal(cropped, image[2:47])
