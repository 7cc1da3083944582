"""Terms carry the name of their part, and so do the errors of a part."""

import pytest
import torch

from facegen.core.errors import RecipeError
from facegen.training.part_terms import failed_part, part_terms, sum_terms


def test_terms_are_prefixed() -> None:
    terms = part_terms("[objective] hinge", "generator/hinge/", lambda scale: {"fake": torch.tensor(scale)}, 2.0)
    assert terms == {"generator/hinge/fake": torch.tensor(2.0)}


def test_an_error_names_the_innermost_part() -> None:
    def outer() -> dict[str, torch.Tensor]:
        return part_terms("[penalty] r1", "", lambda: {"r1": torch.zeros(2) @ torch.zeros(3)})

    with pytest.raises(RuntimeError) as caught:
        part_terms("[objective] hinge", "", outer)
    assert failed_part(caught.value, "[train]") == "[penalty] r1"
    assert failed_part(ValueError(), "[train]") == "[train]"


def test_a_term_is_a_scalar() -> None:
    with pytest.raises(RecipeError, match=r"\[match\] softmax: its term 'loss' has shape \(3,\)") as caught:
        part_terms("[match] softmax", "", lambda: {"loss": torch.zeros(3)})
    assert failed_part(caught.value, "") == "[match] softmax"


def test_the_loss_is_the_sum_of_its_terms_in_float32() -> None:
    loss = sum_terms({"one": torch.tensor(1.0), "other": torch.tensor(2.5, dtype=torch.bfloat16)})
    assert loss.item() == 3.5 and loss.dtype == torch.float32
