"""Negatives: other people, distinct, of equal label, uniformly drawn."""

import itertools
from collections import Counter

import pytest
import torch

from facegen.parts.metrics.negative_sampler import NegativeSampler


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_negatives_are_distinct_other_people() -> None:
    person = torch.tensor([5, 5, 2, 9, 9, 9, 4, 2])
    strangers = NegativeSampler(person)
    assert strangers.num.tolist() == [3] * 8
    for seed in range(50):
        people = person[strangers.draw(torch.arange(8), 3, generator(seed))]
        assert not (people == person[:, None]).any()
        assert all(len(set(row)) == 3 for row in people.tolist())


def test_negatives_share_the_label() -> None:
    random = generator(1)
    person = torch.randint(0, 60, (300,), generator=random)
    sex = torch.randint(-1, 2, (60,), generator=random)[person]
    strangers = NegativeSampler(person, sex)
    for row in range(300):
        like = set(person[(sex == sex[row]) & (person != person[row])].tolist()) if sex[row] >= 0 else set()
        assert strangers.num[row] == len(like)
    rows = torch.nonzero(strangers.num >= 9)[:, 0]
    drawn = strangers.draw(rows, 9, generator(2))
    assert (sex[drawn] == sex[rows][:, None]).all()
    assert (person[drawn] != person[rows][:, None]).all()
    assert (sex[rows] >= 0).all()


def test_sets_of_negatives_are_uniform() -> None:
    person, num = torch.arange(5), 2
    rows = torch.full((30000,), 2)
    drawn = NegativeSampler(person).draw(rows, num, generator(3))
    counts = Counter(tuple(sorted(row)) for row in drawn.tolist())
    assert set(counts) == set(itertools.combinations([0, 1, 3, 4], num))
    for count in counts.values():
        assert count == pytest.approx(5000, abs=5 * 5000**0.5)


def test_people_are_uniform_whatever_their_rows() -> None:
    person = torch.tensor([0, 1, 2, 2, 2, 2])
    drawn = person[NegativeSampler(person).draw(torch.zeros(20000, dtype=torch.int64), 1, generator(4))]
    assert float((drawn == 1).float().mean()) == pytest.approx(0.5, abs=0.02)
