"""The other face of a person that is set beside the first."""

from dataclasses import replace

import torch

from facegen.core.clips import Clips
from facegen.evaluation.gathering.other_faces import find_other_faces, find_other_rows


def clips(person: list[int], num_frames: list[int]) -> Clips:
    rows = torch.arange(len(person))
    return Clips(rows, torch.tensor(person), rows, torch.tensor(num_frames), torch.zeros_like(rows))


def test_another_clip_of_the_person_then_another_frame_then_none() -> None:
    rows = find_other_rows(clips([4, 7, 4, 2, 9, 4], [1, 3, 1, 1, 2, 1]), torch.tensor([5, 0, 2, 1, 3, 4]))
    assert rows.tolist() == [0, 2, 5, 1, -1, 4]


def test_everybody_meets_their_own_kind() -> None:
    person = torch.randint(0, 30, (200,), generator=torch.Generator().manual_seed(0))
    split = clips(person.tolist(), [1] * 200)
    chosen = torch.randperm(200, generator=torch.Generator().manual_seed(1))[:90]
    rows = find_other_rows(split, chosen)
    assert (rows >= 0).all()
    assert (rows != chosen).all()
    assert (person[rows] == person[chosen]).all()


def test_who_has_one_clip_here_is_looked_for_elsewhere() -> None:
    here = clips([4, 7, 4, 2, 9], [1, 3, 2, 1, 1])
    there = clips([7, 5, 2, 7], [6, 1, 4, 1])
    chosen = torch.tensor([0, 1, 3, 4])
    assert find_other_faces(here, chosen, None).tolist() == [[2, 1, -1, -1], [1, 2, -1, -1]]
    elsewhere = replace(there, clip=torch.arange(4) + 100)
    # 4 has another clip here, 7 and 2 have one elsewhere, 9 has one face only.
    assert find_other_faces(here, chosen, elsewhere).tolist() == [[2, 100, 102, -1], [1, 5, 3, -1]]
