"""Grids and films of sampled faces: which face stands where, at which size, under which name."""

import numpy as np
import pytest
from PIL import Image

from facegen.core.errors import DataError
from facegen.data.media.grids import MARGIN
from facegen.inference.face_pictures import GRID_WIDTH_PIXELS, SampledFaces, check_amount, check_size, enlarge


def sampled(people: int, count: int, pixels: int = 16, labels: tuple[str, ...] = ()) -> SampledFaces:
    """Make faces of one grey each: 10, 11, ..."""
    levels = np.arange(10, 10 + people * count, dtype=np.uint8).reshape(people, count, 1, 1, 1)
    faces = np.broadcast_to(levels, (people, count, pixels, pixels, 3)).copy()
    return SampledFaces(faces, labels or tuple(f"p{row}" for row in range(people)), "speech-64", 5)


def levels_of(picture: Image.Image, num: int) -> list[tuple[int, int]]:
    """Return the top left corner of every face."""
    canvas = np.asarray(picture)
    places = [np.argwhere((canvas == 10 + number).all(axis=2)) for number in range(num)]
    return [(int(place[:, 1].min()), int(place[:, 0].min())) for place in places]


def test_a_short_row_does_not_wrap_and_small_faces_are_enlarged() -> None:
    picture, mark = sampled(2, 3).grid()
    corners = levels_of(picture, 6)
    assert len({y for _, y in corners[:3]}) == 1 and corners[3][1] > corners[0][1]
    assert corners[1][0] - corners[0][0] == 128 + 6
    assert mark.note == "Enlarged from 16 to 128 pixels." and (mark.model, mark.seed) == ("speech-64", 5)


def test_a_long_row_wraps_evenly() -> None:
    picture, _ = sampled(1, 14).grid(256)
    assert picture.width <= GRID_WIDTH_PIXELS + 200 + 2 * MARGIN
    rows = [y for _, y in levels_of(picture, 14)]
    assert [rows.count(y) for y in sorted(set(rows))] == [5, 5, 4]


def test_faces_of_the_shown_size_are_not_called_enlarged() -> None:
    assert sampled(1, 1, 128).grid()[1].note == ""
    assert sampled(1, 1).mark().note == ""


def test_slides_show_one_noise_after_another() -> None:
    frames, mark = sampled(2, 3).slides(64)
    assert frames.shape == (3, 64 + 12, 2 * (64 + 12), 3)
    assert [int(frame[38, 38, 0]) for frame in frames] == [10, 11, 12]
    assert [int(frame[38, 76 + 38, 0]) for frame in frames] == [13, 14, 15]
    assert mark.note == "Enlarged from 16 to 64 pixels."


def test_file_names_name_what_drew_the_face_and_all_differ() -> None:
    stems = sampled(4, 10, labels=("Zoë K.", "a/../b", "a b", "//")).stems()
    assert [row[0] for row in stems] == [
        f"{name}_speech-64_seed5_01" for name in ("Zoë-K", "a-b-1", "a-b-2", "person")
    ]  # fmt: skip
    assert len({stem for row in stems for stem in row}) == 40


def test_enlarging_interpolates_and_keeps_the_mean() -> None:
    step = np.zeros((1, 8, 8, 3), dtype=np.uint8)
    step[:, :, 4:] = 200
    large = enlarge(step, 32)[0, 16, :, 0].astype(int)
    assert large[0] == 0 and large[-1] == 200 and abs(large.mean() - 100) < 2
    assert len(set(large[12:20])) > 3  # pixels would be repeated without a filter


def test_a_smaller_size_is_refused() -> None:
    check_size(None, 48)
    check_size(48, 48)
    with pytest.raises(DataError, match=r"size 47 is smaller .* give 48 pixels or more"):
        check_size(47, 48)


def test_more_faces_than_memory_holds_are_refused_before_they_are_drawn() -> None:
    check_amount(32, 2048)
    with pytest.raises(DataError, match=r"1,000 faces of 2048 x 2048 pixels are 4,194 million pixels; at most 134"):
        check_amount(1000, 2048)
