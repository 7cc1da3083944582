import hashlib
from itertools import pairwise

import pytest
import torch

from facegen.data.loading.splits import (
    held_out_person,
    held_out_utterances,
    rows_of_split,
    utterance_number,
)


def first_bits(text: str) -> int:
    """Compute the first 63 bits of the hash from a binary string, independent of the module."""
    bits = bin(int(hashlib.sha256(text.encode()).hexdigest(), 16))[2:].zfill(256)
    return int(bits[:63], 2)


def test_fold_is_the_hash_of_the_name():
    for name in ("Ana", "Björn", "李"):
        fold = first_bits(name) % 10
        assert [held_out_person(name, 10, number) for number in range(10)] == [number == fold for number in range(10)]


def test_folds_are_about_equal():
    counts = [sum(held_out_person(f"person {n}", 5, fold) for n in range(2000)) for fold in range(5)]
    assert sum(counts) == 2000
    assert max(abs(count - 400) for count in counts) < 4 * (2000 * 0.2 * 0.8) ** 0.5


def test_utterance_numbers_are_the_hash_of_both_names():
    assert utterance_number("Ana", "v1") == first_bits("Ana\0v1")
    assert utterance_number("Ana", "v1") != utterance_number("Anav", "1")


def test_about_one_utterance_in_ten_is_held_out():
    numbers = torch.tensor([utterance_number("Ana", f"video {n}") for n in range(5000)])
    num_held_out = int(held_out_utterances(torch.zeros(5000, dtype=torch.int64), numbers).sum())
    assert abs(num_held_out - 500) < 4 * (5000 * 0.1 * 0.9) ** 0.5


def test_nobody_loses_all_utterances():
    person = torch.tensor([0, 0, 0, 1, 1, 2])
    utterance = torch.tensor([20, 20, 7, 30, 10, 40])
    # Person 0 trains on 7; person 1 would lose both, and trains on the smaller; person 2 has only one.
    assert held_out_utterances(person, utterance).tolist() == [True, True, False, True, False, False]


def test_splits_are_disjoint_and_complete():
    generator = torch.Generator().manual_seed(0)
    person = torch.randint(0, 40, (500,), generator=generator)
    utterance = torch.randint(0, 300, (500,), generator=generator) + 1000 * person
    unseen = torch.arange(40) % 7 == 0
    rows = {
        split: rows_of_split(split, person, utterance, unseen)
        for split in ("train", "heldout_utterances", "heldout_people")
    }
    assert sorted(torch.cat(list(rows.values())).tolist()) == list(range(500))
    assert set(person[rows["heldout_people"]].tolist()) == {0, 7, 14, 21, 28, 35}
    assert set(person[rows["heldout_utterances"]].tolist()) <= set(person[rows["train"]].tolist())
    assert not set(utterance[rows["heldout_utterances"]].tolist()) & set(utterance[rows["train"]].tolist())
    assert all(first < second for split_rows in rows.values() for first, second in pairwise(split_rows.tolist()))


@pytest.mark.parametrize("split", ["train", "heldout_utterances", "heldout_people"])
def test_no_rows(split):
    none = torch.zeros(0, dtype=torch.int64)
    assert len(rows_of_split(split, none, none, torch.zeros(0, dtype=torch.bool))) == 0
