from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import torch


@pytest.fixture
def agree() -> Callable[..., None]:
    """Return a function that compares terms with a numpy formula: values, and the gradient by central differences."""

    def check(terms_of, formula, /, moved=None, **arrays):
        """Compare; `moved` names the arrays that have a gradient, all by default."""
        moved = set(arrays) if moved is None else set(moved)
        leaves = {name: torch.tensor(array).requires_grad_(name in moved) for name, array in arrays.items()}
        terms = terms_of(SimpleNamespace(**leaves))
        assert {name: term.item() for name, term in terms.items()} == pytest.approx(formula(**arrays))
        sum(terms.values()).backward()
        for name in moved:
            gradient = leaves[name].grad
            gradient = np.zeros_like(arrays[name]) if gradient is None else gradient.numpy()
            np.testing.assert_allclose(gradient, central_differences(formula, arrays, name), rtol=1e-6, atol=1e-9)

    return check


def central_differences(formula, arrays, name, step=1e-5):
    gradient = np.zeros_like(arrays[name])
    for place in np.ndindex(gradient.shape):
        sums = []
        for sign in (1, -1):
            array = arrays[name].copy()
            array[place] += sign * step
            sums.append(sum(formula(**{**arrays, name: array}).values()))
        gradient[place] = (sums[0] - sums[1]) / (2 * step)
    return gradient
