"""Count floating-point operations and memory of training steps on the meta device."""

import math
import weakref
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

aten = torch.ops.aten


class CostMeter:
    """Context manager that counts what tensors on the meta device would cost.

    Convolutions, matrix products, attention, Fourier transforms and grid sampling are counted, forward and backward.

    Args:
        weights: parameters and buffers, which are no memory of a step.

    Attributes:
        flops: floating-point operations so far.
        peak_bytes: most memory that was kept for backward passes at one time.
    """

    def __init__(self, weights: Iterable[Tensor]) -> None:
        self._counter = FlopCounterMode(display=False, custom_mapping=FORMULAS)
        # Its own tracker attributes the counts to modules, with hooks that refuse `autograd.grad` by a leaf, which
        # gradient penalties compute.
        self._counter.mod_tracker = _TotalsOnly()  # type: ignore[assignment]
        self._memory = _SavedMemory({tensor.untyped_storage()._cdata for tensor in weights})
        self._contexts = ExitStack()

    @property
    def flops(self) -> float:
        return float(self._counter.get_total_flops())

    @property
    def peak_bytes(self) -> int:
        return self._memory.peak_bytes

    def __enter__(self) -> Self:
        self._contexts.enter_context(self._counter)
        self._contexts.enter_context(saved_tensors_hooks(self._memory.keep, lambda kept: kept.tensor))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._contexts.close()


class _TotalsOnly:
    """Module tracker that attributes every operation to the whole."""

    parents = frozenset({"Global"})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None: ...


class _Kept:
    """Tensor that a backward pass will read."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor


class _SavedMemory:
    """Sizes of the storages that are kept for backward passes, each counted once while any graph keeps it."""

    def __init__(self, ignored: set[int]) -> None:
        self._ignored = ignored
        self._num_users: dict[int, int] = {}
        self._live_bytes = 0
        self.peak_bytes = 0

    def keep(self, tensor: Tensor) -> _Kept:
        kept, storage = _Kept(tensor), tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key not in self._ignored:
            if key not in self._num_users:
                self._live_bytes += size
                self.peak_bytes = max(self.peak_bytes, self._live_bytes)
            self._num_users[key] = self._num_users.get(key, 0) + 1
            weakref.finalize(kept, self._drop, key, size)
        return kept

    def _drop(self, key: int, size: int) -> None:
        self._num_users[key] -= 1
        if not self._num_users[key]:
            del self._num_users[key]
            self._live_bytes -= size


def _fourier_flops(shape: Sequence[int], dim: Sequence[int], per_value: float) -> int:
    length = math.prod(shape[axis] for axis in dim)
    return round(per_value * math.prod(shape) * math.log2(max(length, 2)))


def _real_fourier_flops(shape: Any, dim: Any, normalization: int, onesided: bool, out_shape: Any = None) -> int:
    """2.5 n log2 n of a real transform of length n."""
    return _fourier_flops(shape, dim, 2.5)


def _inverse_real_fourier_flops(shape: Any, dim: Any, normalization: int, size: int, out_shape: Any = None) -> int:
    return _fourier_flops(out_shape, dim, 2.5)


def _complex_fourier_flops(shape: Any, dim: Any, normalization: int, forward: bool, out_shape: Any = None) -> int:
    """5 n log2 n of a complex transform of length n."""
    return _fourier_flops(shape, dim, 5.0)


def _grid_sample_flops(
    shape: Any, grid: Any, mode: int, padding: int, align_corners: bool, out_shape: Any = None
) -> int:
    """Four products and four sums of bilinear interpolation, for every value."""
    return 8 * math.prod(out_shape)


def _grid_sample_backward_flops(
    gradient: Any, shape: Any, grid: Any, mode: int, padding: int, align_corners: bool, mask: Any, out_shape: Any = None
) -> int:
    return 16 * math.prod(gradient)


FORMULAS = {
    aten._fft_r2c: _real_fourier_flops,
    aten._fft_c2r: _inverse_real_fourier_flops,
    aten._fft_c2c: _complex_fourier_flops,
    aten.grid_sampler_2d: _grid_sample_flops,
    aten.grid_sampler_2d_backward: _grid_sample_backward_flops,
}
"""Operations that `FlopCounterMode` counts as nothing."""
