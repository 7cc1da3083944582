"""Counter-based random numbers: a pure function of (seed, stream, row).

With a random generator, a row would depend on the rows drawn before it. Hashing the number of the row makes every
person, clip and frame reproducible by itself, in any batch and on any device.
"""

import hashlib

import torch
from torch import Tensor

# SplitMix64 (Steele, Lea & Flood 2014), as signed 64-bit constants; integer overflow wraps equally on every device.
_GOLDEN = -7046029254386353131
_MIX_1 = -4658895280553007687
_MIX_2 = -7723592293110705685


def _shift_right(value: Tensor, bits: int) -> Tensor:
    """Shift signed 64-bit integers to the right, filling with zeros."""
    return (value >> bits) & ((1 << (64 - bits)) - 1)


def _mix(value: Tensor) -> Tensor:
    value = (value ^ _shift_right(value, 30)) * _MIX_1
    value = (value ^ _shift_right(value, 27)) * _MIX_2
    return value ^ _shift_right(value, 31)


def _stream(seed: int, name: str) -> int:
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return int.from_bytes(digest[:8], "little", signed=True)


def uniform(seed: int, stream: str, rows: Tensor, count: int) -> Tensor:
    """Draw uniform numbers in (0, 1) that depend only on seed, stream and row.

    Args:
        seed: random seed of the corpus.
        stream: name of the quantity; different names give independent numbers.
        rows: (batch,) or (batch, k) int64 keys of the rows.
        count: number of values per row.
    Returns:
        (batch, count) float32 on the device of `rows`.
    """
    keys = rows.to(torch.int64).reshape(rows.shape[0], rows.shape[1] if rows.ndim > 1 else 1)
    state = torch.full_like(keys[:, 0], _stream(seed, stream))
    for column in keys.unbind(1):
        state = _mix(state + _mix(column + _GOLDEN))
    counters = torch.arange(1, count + 1, device=keys.device, dtype=torch.int64) * _GOLDEN
    bits = _shift_right(_mix(state[:, None] + counters), 40)  # 24 bits: exact in float32
    return (bits.to(torch.float32) + 0.5) / float(1 << 24)


def normal(seed: int, stream: str, rows: Tensor, count: int) -> Tensor:
    """Draw standard normal numbers; arguments and result are as for `uniform`."""
    return torch.special.ndtri(uniform(seed, stream, rows, count).double()).float()
