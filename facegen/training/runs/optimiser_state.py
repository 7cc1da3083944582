"""State of an optimiser from a checkpoint, possibly of a stranger: tensors are checked before a step reads them."""

from pathlib import Path

import torch
from torch import Tensor
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

from facegen.core.errors import CheckpointError
from facegen.training.runs.checkpoint import load_tensors, remedy, tensor_kind

STEP = "step"
FIELDS = {
    SGD: {"momentum_buffer"},
    RMSprop: {STEP, "square_avg"},
    Adam: {STEP, "exp_avg", "exp_avg_sq"},
    AdamW: {STEP, "exp_avg", "exp_avg_sq"},
}
"""{optimiser: tensors of each weight that has been trained}."""


def load_optimiser(folder: Path, name: str, optimiser: Optimizer) -> None:
    """Load the state of an optimiser from a checkpoint, in place; its settings stay the recipe's.

    Raises:
        CheckpointError: the file is missing or damaged, or holds the state of other weights or of another optimiser.
    """
    path = folder / f"{name}.safetensors"
    weights = {str(number): weight for number, weight in enumerate(_weights(optimiser))}
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in load_tensors(path).items():
        number, _, moment = key.partition(".")
        weight = weights.get(number)
        shape = None if weight is None else torch.Size() if moment == STEP else weight.shape
        if weight is None or tensor.shape != shape:
            expected = "an unknown weight" if weight is None else f"a weight of shape {tuple(weight.shape)}"
            raise CheckpointError(
                f"{path}: tensor {key[:100]!r} is {tensor_kind(tensor)} and belongs to {expected}; {remedy(folder)}"
            )
        # Fused optimisers read a weight and its moments in memory order, so both need the same memory format.
        aligned = tensor.float() if moment == STEP else torch.empty_like(weight).copy_(tensor)
        state.setdefault(int(number), {})[moment] = aligned
    _require_fields(path, state, optimiser)
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def _weights(optimiser: Optimizer) -> list[Tensor]:
    return [weight for group in optimiser.param_groups for weight in group["params"]]


def _require_fields(path: Path, state: dict[int, dict[str, Tensor]], optimiser: Optimizer) -> None:
    expected = FIELDS.get(type(optimiser))
    for number, fields in state.items():
        if expected is not None and fields.keys() != expected:
            held = ", ".join(sorted(fields))[:200]
            raise CheckpointError(
                f"{path}: holds {held} of weight {number}, and this optimiser needs {', '.join(sorted(expected))}: it "
                f"is of another optimiser, or damaged; {remedy(path.parent)}"
            )
