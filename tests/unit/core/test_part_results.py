"""Checks of results: which values each kind may return, on which device."""

import pytest
import torch

from facegen.core.part_results import result_check

INPUT = (torch.zeros(2),)


@pytest.mark.parametrize(
    ("kind", "method", "returned", "message"),
    [
        ("objective", "generator_terms", None, r"returns None; must be a dict \{name: scalar tensor\}"),
        ("objective", "generator_terms", {"g": torch.zeros((), dtype=torch.int64)}, "its term 'g' is torch.int64"),
        ("objective", "generator_terms", {"g": torch.zeros((), device="meta")}, "on the device 'meta'; .* on 'cpu'"),
        ("conditioner", "forward", torch.zeros(2, dtype=torch.complex64), "returns torch.complex64"),
        ("generator", "forward", [torch.zeros(2)], "returns a list; must be a tensor"),
        ("dataset", "faces", torch.zeros(2), "returns torch.float32; must be a tensor of torch.uint8"),
        ("dataset", "fingerprint", 3, "returns a int; must be a string"),
        ("metric", "measure", {}, "must be a list of facegen.Figure"),
        ("transform", "forward", (1, 2), "must be a facegen.Condition"),
    ],
)
def test_wrong_results_are_explained(kind: str, method: str, returned: object, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        result_check(kind, method)(INPUT, returned)


@pytest.mark.parametrize(
    ("kind", "method", "returned"),
    [
        ("objective", "generator_terms", {"g": torch.zeros(())}),
        ("objective", "generator_terms", {}),
        ("discriminator", "score", torch.zeros(2, dtype=torch.bfloat16)),
        ("metric", "measure", []),
        ("objective", "update", None),
    ],
)
def test_right_results_pass(kind: str, method: str, returned: object) -> None:
    result_check(kind, method)(INPUT, returned)
