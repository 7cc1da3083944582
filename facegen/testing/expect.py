"""Building blocks of the checks."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensorMode,
)
from torch.nn.modules.dropout import _DropoutNd

_collected: ContextVar[list[str] | None] = ContextVar("_collected", default=None)


def expect(condition: bool, otherwise: str) -> None:
    """Raise AssertionError unless the condition holds; inside of `collecting`, note it and go on."""
    if condition:
        return
    faults = _collected.get()
    if faults is None:
        raise AssertionError(otherwise)
    faults.append(otherwise)


@contextmanager
def collecting(faults: list[str]) -> Iterator[None]:
    """Add every fault that a check finds to a list.

    An exception ends the check. One that follows a fault is taken for its consequence, and is not reported.
    """
    known = len(faults)
    token = _collected.set(faults)
    try:
        yield
    except AssertionError as error:
        faults.append(str(error))
    except Exception:
        if len(faults) == known:
            raise
    finally:
        _collected.reset(token)


@contextmanager
def about(part: str) -> Iterator[None]:
    """Put the part's name before the message of a failed check."""
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"{part}: {error}") from error


@contextmanager
def repeatable(seed: int = 0) -> Iterator[None]:
    """Seed torch's random numbers; restore their state after the `with` block."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


@contextmanager
def without_host_sync(what: str) -> Iterator[None]:
    """Fail when a value of a tensor is read: on a GPU, each such read waits for the device."""
    try:
        with FakeTensorMode(allow_non_fake_inputs=True):
            yield
    except (DataDependentOutputException, DynamicOutputShapeException) as error:
        raise AssertionError(
            f"{what} reads a tensor's value on the host ({error.func}), as `if`, `float()` and `.item()` do, or "
            f"indexes with a mask: on a GPU each step would wait; use torch.where, and buffers for state"
        ) from error


def expect_shape(tensor: Tensor, shape: tuple[int, ...], what: str) -> None:
    """Expect a finite tensor of exactly this shape."""
    expect(isinstance(tensor, Tensor), f"{what} is {type(tensor).__name__}, not a tensor")
    expect(tuple(tensor.shape) == shape, f"{what} has shape {tuple(tensor.shape)}, not {shape}")
    expect(bool(torch.isfinite(tensor).all()), f"{what} is not finite")


def expect_terms(terms: Mapping[str, Tensor], what: str) -> None:
    """Expect named, finite scalars."""
    expect(isinstance(terms, Mapping), f"{what} returns {type(terms).__name__}, not a dict of tensors")
    for name, term in terms.items():
        expect_shape(term, (), f"{what} term '{name}'")


def expect_same_keys(first: Mapping[str, Tensor], second: Mapping[str, Tensor], what: str) -> None:
    """Expect the same keys of terms at two steps."""
    expect(set(first) == set(second), f"{what} changes its keys from step to step: {set(first)}, then {set(second)}")


def expect_finite_gradients(module: nn.Module, loss: Tensor) -> None:
    """Expect a finite gradient for every parameter."""
    named = [(name, weight) for name, weight in module.named_parameters() if weight.requires_grad]
    if not named:
        return
    weights = [weight for _, weight in named]
    no_gradients = [None] * len(named)
    gradients = torch.autograd.grad(loss, weights, allow_unused=True) if loss.requires_grad else no_gradients
    for (name, _), gradient in zip(named, gradients, strict=True):
        expect(gradient is not None, f"parameter '{name}' does not affect the result, so it would never train")
        expect(gradient is None or bool(torch.isfinite(gradient).all()), f"gradient of '{name}' is not finite")


def expect_reached(loss: Tensor, leaf: Tensor, what: str) -> None:
    """Expect a finite, non-zero gradient at a leaf."""
    expect(loss.requires_grad, f"no gradient reaches {what}: the result is detached")
    (gradient,) = torch.autograd.grad(loss, [leaf], allow_unused=True, retain_graph=True)
    expect(gradient is not None and bool((gradient != 0).any()), f"no gradient reaches {what}")
    expect(gradient is not None and bool(torch.isfinite(gradient).all()), f"the gradient of {what} is not finite")


def any_loss(tensors: Iterable[Tensor]) -> Tensor:
    """Return a scalar that depends on every element, with different weights."""
    total = torch.zeros(())
    for tensor in tensors:
        weights = torch.linspace(0.5, 1.5, tensor.numel()).view(tensor.shape)
        total = total + (weights * tensor.float()).sum()
    return total


def without_dropout(module: nn.Module) -> None:
    """Switch off dropout, and nothing else, in a module."""
    for layer in module.modules():
        if isinstance(layer, _DropoutNd):
            layer.eval()
