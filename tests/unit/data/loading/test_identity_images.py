"""Another face of the person of each row."""

from collections import Counter

import pytest
import torch

from facegen.core.clips import Clips
from facegen.core.errors import DataError
from facegen.data.loading.identity_images import IdentityImages

ZEROS = torch.zeros(4, dtype=torch.int64)
PERSON, NUM_FRAMES = torch.tensor([5, 2, 5, 9]), torch.tensor([2, 3, 1, 2])
CLIPS = Clips(torch.arange(10, 14), PERSON, ZEROS, NUM_FRAMES, ZEROS)


def test_every_other_face_of_the_person_is_as_likely_and_the_own_one_is_never_chosen() -> None:
    images = IdentityImages(CLIPS, "train")
    draw = (torch.arange(6) + 0.5) / 6
    all_faces = [(row, frame) for row in range(4) for frame in range(int(NUM_FRAMES[row]))]
    for row, frame in all_faces:
        rows, frames = images.choose(torch.full((6,), row), torch.full((6,), frame), draw)
        chosen = Counter(zip(rows.tolist(), frames.tolist(), strict=True))
        others = [face for face in all_faces if PERSON[face[0]] == PERSON[row] and face != (row, frame)]
        assert chosen == {face: 6 // len(others) for face in others}


def test_without_a_draw_it_is_the_next_face_of_the_person() -> None:
    rows, frames = IdentityImages(CLIPS, "train").choose(torch.tensor([0, 0, 2, 1]), torch.tensor([0, 1, 0, 2]))
    assert list(zip(rows.tolist(), frames.tolist(), strict=True)) == [(0, 1), (2, 0), (0, 0), (1, 0)]


def test_people_with_one_face_are_refused_with_the_reason() -> None:
    clips = Clips(torch.arange(4), PERSON, ZEROS, torch.tensor([2, 1, 1, 1]), ZEROS)
    with pytest.raises(DataError, match=r"2 of the 3 people of 'heldout_people' have one face only; .*second face"):
        IdentityImages(clips, "heldout_people")
