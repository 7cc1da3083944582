import pytest
import torch

from facegen.core.clips import Clips
from facegen.core.errors import DataError
from facegen.data.loading.sampler import Sampler, draw_mismatched_rows


def clips_of(person: list[int]) -> Clips:
    people = torch.tensor(person)
    ones = torch.ones_like(people)
    return Clips(torch.arange(len(people)), people, people, ones, ones)


def test_an_epoch_visits_every_row_once() -> None:
    sampler = Sampler(clips_of(list(range(10))), batch_size=4, seed=1)
    first_epoch = torch.cat([sampler.rows(step) for step in range(5)])
    assert first_epoch[:10].sort().values.tolist() == list(range(10))
    assert first_epoch[10:].sort().values.tolist() == list(range(10))


def test_rows_depend_on_seed_and_step_alone() -> None:
    first, second = (Sampler(clips_of(list(range(50))), 8, seed=3) for _ in range(2))
    for step in range(9):
        first.rows(step)
    assert torch.equal(first.rows(2), second.rows(2))
    assert not torch.equal(first.rows(2), Sampler(clips_of(list(range(50))), 8, seed=4).rows(2))


def test_a_person_has_at_most_half_of_a_batch() -> None:
    clips = clips_of([0] * 90 + [1] * 10)
    sampler = Sampler(clips, batch_size=10, seed=0)
    for step in range(20):
        assert int((clips.person[sampler.rows(step)] == 0).sum()) <= 5


def test_one_person_cannot_be_matched() -> None:
    with pytest.raises(DataError, match="5 clips of 1 people; matching needs two people"):
        Sampler(clips_of([7] * 5), 2, seed=0)


def test_mismatched_rows_hold_other_people() -> None:
    person = torch.tensor([0, 0, 0, 1, 1, 2, 3, 4])
    rows = draw_mismatched_rows(person, 4, torch.Generator().manual_seed(0))
    assert bool((person[rows] != person[:, None]).all())
    assert all(len(set(row.tolist())) == 4 for row in rows)


def test_too_few_mismatched_rows_are_repeated() -> None:
    person = torch.tensor([0, 0, 0, 1])
    rows = draw_mismatched_rows(person, 3, torch.Generator().manual_seed(0))
    assert rows[0].tolist() == [3, 3, 3]
    assert sorted(rows[3].tolist()) == [0, 1, 2]
