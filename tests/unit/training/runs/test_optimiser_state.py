"""An optimiser's file of a stranger is refused with a message before a step reads it."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import SGD, AdamW, RMSprop

from facegen.core.errors import CheckpointError
from facegen.training.runs.optimiser_state import FIELDS, load_optimiser

MOMENT = torch.zeros(2, 2)
STATE = {"0.step": torch.tensor(3.0), "0.exp_avg": MOMENT, "0.exp_avg_sq": MOMENT.clone()}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"0.exp_avg": None},
            "holds exp_avg_sq, step of weight 0, and this optimiser needs exp_avg, exp_avg_sq",
        ),
        ({"0.step": None}, "holds exp_avg, exp_avg_sq of weight 0"),
        ({"0.square_avg": MOMENT}, "holds exp_avg, exp_avg_sq, square_avg, step"),
        ({"0.exp_avg": torch.tensor(1.0)}, r"'0.exp_avg' is float32 \(\) and belongs to a weight of shape \(2, 2\)"),
        ({"0.step": MOMENT}, r"'0.step' is float32 \(2, 2\)"),
        ({"1.step": torch.tensor(1.0)}, "belongs to an unknown weight"),
        ({"9" * 5000: MOMENT}, "belongs to an unknown weight"),
        ({"-1.step": torch.tensor(1.0)}, "belongs to an unknown weight"),
        ({"\u0660.step": torch.tensor(1.0)}, "belongs to an unknown weight"),
    ],
)
def test_state_that_a_step_could_not_read(tmp_path: Path, changes: dict[str, Tensor | None], message: str) -> None:
    tensors = {key: value.clone() for key, value in {**STATE, **changes}.items() if value is not None}
    save_file(tensors, tmp_path / "opt.safetensors")
    optimiser = AdamW([nn.Parameter(torch.zeros(2, 2))], fused=True)
    with pytest.raises(CheckpointError, match=message):
        load_optimiser(tmp_path, "opt", optimiser)
    assert not optimiser.state


def test_an_integer_step_is_trained_on(tmp_path: Path) -> None:
    save_file({**STATE, "0.step": torch.tensor(3)}, tmp_path / "opt.safetensors")
    weight = nn.Parameter(torch.zeros(2, 2))
    optimiser = AdamW([weight], fused=True)
    load_optimiser(tmp_path, "opt", optimiser)
    weight.grad = torch.ones(2, 2)
    optimiser.step()
    assert float(optimiser.state[weight]["step"]) == 4


@pytest.mark.parametrize(("kind", "settings"), [(SGD, {"momentum": 0.9}), (RMSprop, {}), (AdamW, {"fused": True})])
def test_fields_are_those_that_torch_keeps(kind: type[torch.optim.Optimizer], settings: dict[str, float]) -> None:
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.ones(2)
    optimiser = kind([weight], lr=0.1, **settings)
    optimiser.step()
    assert set(optimiser.state[weight]) == FIELDS[kind]
