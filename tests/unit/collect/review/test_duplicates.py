"""Detection of duplicates: equal pixels, images compressed again, and similar faces that are none."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from facegen.collect.review.duplicates import DuplicateIndex, picture_hash
from facegen.data.synthetic.face import render_faces
from facegen.data.synthetic.moments import draw_moments
from facegen.data.synthetic.people import draw_people


def faces(people: int, moments: int = 1, pixels: int = 64) -> np.ndarray:
    """Render (people * moments, pixels, pixels, 3) synthetic faces."""
    person = torch.arange(people).repeat_interleave(moments)
    moment = draw_moments(5, person, torch.arange(moments).repeat(people))
    return render_faces(draw_people(5, person), moment, pixels).numpy()


def compressed_again(face: np.ndarray, **changes: int) -> np.ndarray:
    content = io.BytesIO()
    size = changes.get("pixels", len(face))
    Image.fromarray(face).resize((size, size)).save(content, "JPEG", quality=changes.get("quality", 60))
    return np.asarray(Image.open(content).resize((len(face), len(face))))


def find_duplicates(rows) -> list[tuple[int, int, str]]:
    """Add rows of (face, person, video) to an index; return the duplicates."""
    index = DuplicateIndex()
    duplicates = [duplicate for row, values in enumerate(rows) for duplicate in index.add_face(row, *values)]
    return [(duplicate.row, duplicate.earlier, duplicate.kind) for duplicate in duplicates]


def test_equal_pixels_of_any_person():
    one, other = faces(2)
    assert find_duplicates([(one, 0, 0), (other, 1, 1), (one, 1, 2), (one, 0, 0)]) == [
        (2, 0, "same picture"),
        (3, 0, "same picture"),
    ]


@pytest.mark.parametrize("changes", [{"quality": 40}, {"pixels": 48, "quality": 90}])
def test_the_same_picture_compressed_again(changes):
    one, other = faces(2)
    again = compressed_again(one, **changes)
    assert find_duplicates([(one, 0, 0), (other, 0, 1), (again, 0, 2)]) == [(2, 0, "nearly the same picture")]
    assert find_duplicates([(one, 0, 0), (again, 0, 0)]) == [], "neighbours in one video are alike"
    assert find_duplicates([(one, 0, 0), (again, 1, 1)]) == [], "two people who look alike are no duplicates"


def test_other_moments_and_other_people_are_no_duplicates():
    rows = [(face, number // 5, number) for number, face in enumerate(faces(20, 5))]
    assert len(find_duplicates(rows)) <= 5, "faces of the synthetic world are simple; few of one person coincide"
    assert find_duplicates([(face, 0, number) for number, face in enumerate(faces(100))]) == []


def test_an_image_without_contrast_has_no_near_duplicates():
    flat = np.full((64, 64, 3), 90, np.uint8)
    lighter = flat + 1
    assert picture_hash(flat) == b""
    assert find_duplicates([(flat, 0, 0), (lighter, 0, 1)]) == []
    assert find_duplicates([(flat, 0, 0), (flat, 0, 1)]) == [(1, 0, "same picture")]


def test_hash_by_hand():
    # Lighter from left to right everywhere, but for one place of each row.
    ramp = np.tile(np.arange(9, dtype=np.uint8) * 20, (8, 1))
    ramp[:, 4] = 0
    face = np.repeat(ramp[:, :, None], 3, axis=2)
    assert picture_hash(face) == bytes([0b11101111]) * 8


def test_speech():
    index = DuplicateIndex()
    assert list(index.add_speech(0, b"a")) == [] and list(index.add_speech(1, b"b")) == []
    (duplicate,) = index.add_speech(2, b"a")
    assert (duplicate.row, duplicate.earlier, duplicate.kind) == (2, 0, "same speech")
