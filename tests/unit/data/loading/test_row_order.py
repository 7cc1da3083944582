"""Balanced orders: counted frequencies of rows against the shares that each row must have."""

import pytest
import torch

from facegen.core.clips import Clips
from facegen.core.errors import DataError
from facegen.data.loading.row_order import BalancedOrder, ShuffledOrder, num_without_value, row_order
from facegen.data.loading.sampler import Sampler, draw_mismatched_rows

PERSON = torch.tensor([0] * 12 + [1] * 4 + [2] * 3 + [3])
SEX = torch.tensor([0] * 12 + [1] * 4 + [-1] * 3 + [0])


def clips() -> Clips:
    ones = torch.ones_like(PERSON)
    return Clips(torch.arange(len(PERSON)), PERSON, PERSON, ones, ones, {"sex": SEX})


def counts(order: ShuffledOrder | BalancedOrder, num: int) -> torch.Tensor:
    return order.at(torch.arange(num)).bincount(minlength=len(PERSON))


def test_every_person_is_visited_equally_often_and_so_is_each_of_their_clips() -> None:
    # 12, 4, 3 and 1 clips: after 4 people x 12 visits, everybody has had whole epochs.
    expected = torch.cat([torch.full((n,), 12 // n) for n in (12, 4, 3, 1)])
    assert torch.equal(counts(row_order(clips(), "person", seed=0), 48), expected)


def test_every_value_is_visited_equally_often_and_clips_without_one_keep_their_share() -> None:
    # 3 of 20 clips have no value. Of 20 x 52 visits they have 156; the two values share 884, over 13 and 4 clips.
    num = 20 * 52
    visits = counts(row_order(clips(), "sex", seed=0), num)
    assert [int(visits[value == SEX].sum()) for value in (-1, 0, 1)] == [156, 442, 442]
    expected = torch.where(SEX < 0, 156 / 3, torch.where(SEX == 0, 442 / 13, 442 / 4))
    assert float((visits - expected).abs().max()) < 1
    assert num_without_value(clips(), "sex") == 3


@pytest.mark.parametrize("balance", ["person", "sex"])
def test_every_stretch_of_the_order_is_nearly_balanced(balance: str) -> None:
    group = PERSON if balance == "person" else SEX
    rows = row_order(clips(), balance, seed=3).at(torch.arange(400))
    shares = {-1: 0.15, 0: 0.425, 1: 0.425} if balance == "sex" else dict.fromkeys(range(4), 0.25)
    for start in range(0, 400, 40):
        for value, share in shares.items():
            assert abs(int((group[rows[start : start + 40]] == value).sum()) - 40 * share) <= 2


def test_positions_are_read_in_any_order() -> None:
    whole = row_order(clips(), "sex", seed=5).at(torch.arange(300))
    order = row_order(clips(), "sex", seed=5)
    for start in (240, 0, 120, 60, 180):
        assert torch.equal(order.at(torch.arange(start, start + 60)), whole[start : start + 60])
    assert not torch.equal(row_order(clips(), "sex", seed=6).at(torch.arange(300)), whole)


def test_epochs_of_a_person_differ() -> None:
    order = row_order(clips(), "person", seed=0)
    rows = order.at(torch.arange(4 * 36))
    first, second, _ = rows[PERSON[rows] == 0].split(12)
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(12))
    assert first.tolist() != second.tolist()


def test_one_visit_is_that_of_many() -> None:
    order = ShuffledOrder(torch.tensor([5, 7, 9]), "key")
    assert [order.one_at(visit) for visit in range(12)] == order.at(torch.arange(12)).tolist()


def test_processes_share_one_balanced_order() -> None:
    alone, shared = Sampler(clips(), 8, 0, "person"), Sampler(clips(), 4, 0, "person")
    together = torch.cat([shared.rows(step) for step in range(10)])
    assert torch.equal(together, torch.cat([alone.rows(step) for step in range(5)]))


def test_rows_of_other_people_are_found_in_every_balanced_batch() -> None:
    sampler = Sampler(clips(), 8, 1, "person")
    for step in range(20):
        person = PERSON[sampler.rows(step)]
        assert person.bincount(minlength=4).tolist() == [2, 2, 2, 2]
        mismatched = draw_mismatched_rows(person, 3, torch.Generator().manual_seed(step))
        assert bool((person[mismatched] != person[:, None]).all())


def test_a_person_with_most_clips_of_every_value_still_has_at_most_half_of_a_batch() -> None:
    person = torch.tensor([0] * 9 + [1])
    mostly_one = Clips(*[person] * 5, {"accent": torch.tensor([0] * 5 + [1] * 5)})
    sampler = Sampler(mostly_one, 10, 0, "accent")
    assert all(int((person[sampler.rows(step)] == 0).sum()) == 5 for step in range(20))


def test_what_cannot_be_balanced_is_refused() -> None:
    with pytest.raises(DataError, match=r"'sec': the corpus has no such attribute; did you mean 'sex'\? Available: p"):
        row_order(clips(), "sec", seed=0)
    unknown = Clips(*[torch.tensor([0, 1])] * 5, {"sex": torch.tensor([-1, -1])})
    with pytest.raises(DataError, match="no clip of the training split has a known sex; remove the key"):
        row_order(unknown, "sex", seed=0)
