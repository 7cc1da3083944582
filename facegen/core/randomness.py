"""Randomness as a function of where in a run it is needed, so that resuming needs no generator's state."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def derived_seed(*key: int | str) -> int:
    """A seed that depends on every element of the key: derived_seed(seed, "train", step)."""
    digest = hashlib.sha256("/".join(map(str, key)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def generator_for(*key: int | str) -> torch.Generator:
    """A CPU generator seeded by `derived_seed`."""
    return torch.Generator().manual_seed(derived_seed(*key))


@contextmanager
def repeatable(device: torch.device, *key: int | str) -> Iterator[None]:
    """Draws of torch itself, such as dropout's, depend on the key within, and nothing outside notices."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(derived_seed(*key))
        yield
