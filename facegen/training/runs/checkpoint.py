"""Read and write checkpoints: folders of safetensors files, each written whole or not at all."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from facegen.core.errors import CheckpointError
from facegen.core.files import new_folder
from facegen.core.text.json_text import json_text
from facegen.training.runs.formats import CHECKPOINT_FORMAT, require_format

MAX_SHOWN = 3
"""Number of differing tensors that an error names."""


def save_checkpoint(
    folder: Path, state: Mapping[str, Any], modules: Mapping[str, nn.Module], optimisers: Mapping[str, Optimizer]
) -> None:
    """Write modules and optimisers into a new folder, which appears whole or not at all.

    Args:
        folder: of the checkpoint; replaced where it exists.
        state: plain values, such as the step.
        modules, optimisers: by name of their file.
    Raises:
        OSError: the folder cannot be written; an earlier one is unchanged.
    """
    files = {name: dict(module.state_dict()) for name, module in modules.items()}
    files |= {name: optimiser_tensors(optimiser) for name, optimiser in optimisers.items()}
    with new_folder(folder) as part:
        for name, tensors in files.items():
            _save_tensors(part / f"{name}.safetensors", tensors)
        (part / "state.json").write_text(json_text({"format": CHECKPOINT_FORMAT, **state}, indent=1), encoding="utf-8")


def read_state(folder: Path) -> dict[str, Any]:
    """Read the plain values of a checkpoint.

    Raises:
        CheckpointError: the folder holds no checkpoint, or one of another format.
    """
    path = folder / "state.json"
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error}); is this folder a checkpoint?") from None
    if not isinstance(state, dict):
        raise CheckpointError(f"{path}: holds no table of values; {_remedy(folder)}")
    require_format(path, state, CHECKPOINT_FORMAT)
    return state


def read_step(folder: Path) -> int:
    """Read the number of steps after which a checkpoint was written.

    Raises:
        CheckpointError: the folder holds no checkpoint, or a damaged one.
    """
    step = read_state(folder).get("step")
    if not isinstance(step, int):
        raise CheckpointError(f"{folder / 'state.json'}: step = {step!r}: must be a number; {_remedy(folder)}")
    return step


def load_module(folder: Path, name: str, module: nn.Module, *, shared_only: bool = False) -> None:
    """Load the weights of a module from a checkpoint, in place.

    Args:
        folder, name: of the file.
        module: gets the weights.
        shared_only: leave children that only one side has, such as a head, as they are.
    Raises:
        CheckpointError: the file is missing or damaged, or a tensor is missing, unknown, of another shape or type, or
            not finite; the module is unchanged.
    """
    path = folder / f"{name}.safetensors"
    tensors, own = load_tensors(path), module.state_dict()
    if shared_only:
        shared = _children(own) & _children(tensors)
        tensors = {key: value for key, value in tensors.items() if _child(key) in shared}
        tensors |= {key: value for key, value in own.items() if _child(key) not in shared}
    differing = _differences(tensors, own)
    if differing:
        more = [f"and {len(differing) - MAX_SHOWN} more"] if len(differing) > MAX_SHOWN else []
        shown = "; ".join([*differing[:MAX_SHOWN], *more])
        raise CheckpointError(
            f"{path}: holds another network than the recipe's: {shown}; use the recipe and the versions of "
            f"facegen and plugins that the run was trained with, or train it again"
        )
    try:
        module.load_state_dict(tensors)
    except CheckpointError as error:  # of a part that checks its own state
        raise CheckpointError(*(f"{path}: {problem}" for problem in error.problems)) from error


def _differences(stored: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> list[str]:
    """List the stored tensors that do not fit a module."""
    differing = []
    for key in sorted(stored.keys() | own.keys()):
        if key not in stored:
            differing.append(f"tensor '{key}' is missing")
        elif key not in own:
            differing.append(f"tensor '{key}' is unknown")
        elif _kind(stored[key]) != _kind(own[key]):
            differing.append(f"tensor '{key}' is {_kind(stored[key])} instead of {_kind(own[key])}")
    return differing


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def same_network(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Tell whether the children that two states share have the same tensors: names, shapes and types."""
    shared = _children(one) & _children(other)
    first, second = ({key: _kind(state[key]) for key in state if _child(key) in shared} for state in (one, other))
    return first == second


def _child(key: str) -> str:
    return key.partition(".")[0]


def _children(keys: Iterable[str]) -> set[str]:
    return {_child(key) for key in keys}


def load_optimiser(folder: Path, name: str, optimiser: Optimizer) -> None:
    """Load the state of an optimiser from a checkpoint, in place; its settings stay the recipe's.

    Raises:
        CheckpointError: the file is missing or damaged, or holds the state of other weights.
    """
    path = folder / f"{name}.safetensors"
    weights = [weight for group in optimiser.param_groups for weight in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in load_tensors(path).items():
        number, _, moment = key.partition(".")
        weight = weights[int(number)] if number.isdecimal() and int(number) < len(weights) else None
        if weight is None or tensor.shape not in (weight.shape, torch.Size()):
            expected = "an unknown weight" if weight is None else f"a weight of shape {tuple(weight.shape)}"
            raise CheckpointError(
                f"{path}: tensor '{key}' is {_kind(tensor)} and belongs to {expected}; {_remedy(folder)}"
            )
        # Fused optimisers read a weight and its moments in memory order, so both need the same memory format.
        aligned = torch.empty_like(weight).copy_(tensor) if tensor.shape == weight.shape else tensor
        state.setdefault(int(number), {})[moment] = aligned
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def optimiser_tensors(optimiser: Optimizer) -> dict[str, Tensor]:
    """Collect the state of an optimiser: {"number of the weight.name": tensor}."""
    state = optimiser.state_dict()["state"]
    return {
        f"{number}.{field}": torch.as_tensor(value)
        for number, fields in state.items()
        for field, value in fields.items()
        if value is not None
    }


def _save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    path.touch()
    mode = path.stat().st_mode
    try:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, path)
    except SafetensorError as error:
        raise OSError(f"{path}: {error}") from error
    path.chmod(mode)  # safetensors makes its files private, whatever the umask


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a checkpoint's file.

    Raises:
        CheckpointError: the file is missing or damaged, or a tensor holds NaN or infinity.
    """
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        reason = f"cannot be read ({error}): the checkpoint is damaged"
        raise CheckpointError(f"{path}: {reason}; {_remedy(path.parent)}") from None
    bad = non_finite(tensors)
    if bad:
        num_bad, num = int((~tensors[bad[0]].isfinite()).sum()), tensors[bad[0]].numel()
        raise CheckpointError(
            f"{path}: tensor '{bad[0]}' holds NaN or infinity in {num_bad} of {num} places: the checkpoint is damaged; "
            f"{_remedy(path.parent)}"
        )
    return tensors


def non_finite(tensors: Mapping[str, Tensor]) -> list[str]:
    """List the tensors that hold NaN or infinity."""
    return [key for key, tensor in tensors.items() if not bool(tensor.isfinite().all())]


def _remedy(folder: Path) -> str:
    return f"restore it from a copy, or remove {folder} and call `facegen train ... --resume`"
