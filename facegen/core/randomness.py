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


def seed_torch(*key: int | str) -> None:
    """Seed torch's own random numbers, on the CPU and on a device in use, by `derived_seed`.

    The numbers are those after torch.manual_seed, which formats a traceback for each kind of device that this machine
    lacks: a fifth of the time of a small step.
    """
    seed = derived_seed(*key)
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)
    if torch.xpu.is_initialized():
        torch.xpu.manual_seed_all(seed)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(seed)


@contextmanager
def repeatable(device: torch.device, *key: int | str) -> Iterator[None]:
    """Seed torch's own random numbers, such as dropout's, by the key; restore their state after the `with` block."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        seed_torch(*key)
        yield


def random_state(device: torch.device) -> torch.Tensor:
    """Return the state of torch's own random numbers on the device; equal states mean that none was drawn between."""
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()
