"""Random numbers of a place in a run."""

import torch

from facegen.core.randomness import derived_seed, seed_torch


def test_numbers_are_those_of_manual_seed():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed(3, "train", 7))
        expected = torch.rand(5)
        seed_torch(3, "train", 7)
        assert torch.equal(torch.rand(5), expected)
        seed_torch(3, "train", 8)
        assert not torch.equal(torch.rand(5), expected)
