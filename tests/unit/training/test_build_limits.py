"""Networks that are too large are refused while they are built on the meta device."""

import pytest
import torch
from torch import nn

from facegen.core.errors import RecipeError
from facegen.training import build_limits as module
from facegen.training.build_limits import build_limits


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: nn.Linear(65_536, 65_536), "4,294,967,296 weights or more"),
        (lambda: nn.Linear(2**40, 2**40), "too large to be built"),
        (lambda: [nn.Linear(1, 1) for _ in range(10**9)], "more than 20,000 tensors"),
    ],
)
def test_weights_and_tensors_are_bounded(build, message):
    with pytest.raises(RecipeError, match=message), torch.device("meta"), build_limits():
        build()


def test_each_part_is_counted_by_itself_and_other_errors_pass(monkeypatch):
    monkeypatch.setattr(module, "MAX_WEIGHTS", 6)
    for _ in range(3):
        with build_limits():
            nn.Linear(2, 2)
    nn.Linear(9, 9)  # outside of the limits
    with pytest.raises(RuntimeError, match="a bug"), build_limits():
        raise RuntimeError("a bug")
