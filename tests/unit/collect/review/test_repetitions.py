"""Repetitions: the same bits, another compression of the same picture, and what merely looks alike."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from facegen.collect.review.repetitions import Repetitions, picture_hash
from facegen.data.synthetic.face import render_faces
from facegen.data.synthetic.moments import draw_moments
from facegen.data.synthetic.people import draw_people


def faces(people: int, moments: int = 1, pixels: int = 64) -> np.ndarray:
    """(people * moments, pixels, pixels, 3) of the synthetic world."""
    person = torch.arange(people).repeat_interleave(moments)
    moment = draw_moments(5, person, torch.arange(moments).repeat(people))
    return render_faces(draw_people(5, person), moment, pixels).numpy()


def stored_anew(face: np.ndarray, **changes: int) -> np.ndarray:
    content = io.BytesIO()
    size = changes.get("pixels", len(face))
    Image.fromarray(face).resize((size, size)).save(content, "JPEG", quality=changes.get("quality", 60))
    return np.asarray(Image.open(content).resize((len(face), len(face))))


def told(rows) -> list[tuple[int, int, str]]:
    """Tells rows of (face, person, video); answers what was found."""
    seen = Repetitions()
    found = [each for row, (face, person, video) in enumerate(rows) for each in seen.of_face(row, face, person, video)]
    return [(each.row, each.earlier, each.kind) for each in found]


def test_the_same_picture_whoever_it_is_said_to_be():
    one, other = faces(2)
    assert told([(one, 0, 0), (other, 1, 1), (one, 1, 2), (one, 0, 0)]) == [
        (2, 0, "same picture"),
        (3, 0, "same picture"),
    ]


@pytest.mark.parametrize("changes", [{"quality": 40}, {"pixels": 48, "quality": 90}])
def test_the_same_picture_stored_anew(changes):
    one, other = faces(2)
    again = stored_anew(one, **changes)
    assert told([(one, 0, 0), (other, 0, 1), (again, 0, 2)]) == [(2, 0, "nearly the same picture")]
    assert told([(one, 0, 0), (again, 0, 0)]) == [], "neighbours in one video are alike"
    assert told([(one, 0, 0), (again, 1, 1)]) == [], "two people who look alike are no repetition"


def test_other_moments_and_other_people_are_no_repetitions():
    rows = [(face, number // 5, number) for number, face in enumerate(faces(20, 5))]
    assert len(told(rows)) <= 5, "faces of the synthetic world are simple; few of one person coincide"
    assert told([(face, 0, number) for number, face in enumerate(faces(100))]) == []


def test_what_shows_nothing_is_like_nothing():
    flat = np.full((64, 64, 3), 90, np.uint8)
    lighter = flat + 1
    assert picture_hash(flat) == b""
    assert told([(flat, 0, 0), (lighter, 0, 1)]) == []
    assert told([(flat, 0, 0), (flat, 0, 1)]) == [(1, 0, "same picture")]


def test_hash_by_hand():
    # Lighter from left to right everywhere, but for one place of each row.
    ramp = np.tile(np.arange(9, dtype=np.uint8) * 20, (8, 1))
    ramp[:, 4] = 0
    face = np.repeat(ramp[:, :, None], 3, axis=2)
    assert picture_hash(face) == bytes([0b11101111]) * 8


def test_speech():
    seen = Repetitions()
    assert list(seen.of_speech(0, b"a")) == [] and list(seen.of_speech(1, b"b")) == []
    (found,) = seen.of_speech(2, b"a")
    assert (found.row, found.earlier, found.kind) == (2, 0, "same speech")
