"""Random seeds as a function of the place in a run, so that resuming needs no generator state."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def derived_seed(*key: int | str) -> int:
    """Return a seed that depends on every element of the key: derived_seed(seed, "train", step)."""
    digest = hashlib.sha256("/".join(map(str, key)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def generator_for(*key: int | str) -> torch.Generator:
    """Return a CPU generator seeded by `derived_seed`."""
    return torch.Generator().manual_seed(derived_seed(*key))


@contextmanager
def repeatable(device: torch.device, *key: int | str) -> Iterator[None]:
    """Seed torch's own random numbers, such as dropout's, by the key; restore their state after the `with` block."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(derived_seed(*key))
        yield
