"""Checkpoints: folders of safetensors that appear whole or not at all."""

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

FORMAT = 2
"""2: names of files as the networks are called now, sums of measures, number of processes, batch size."""
MAX_SHOWN = 3


def save_checkpoint(
    folder: Path, state: Mapping[str, Any], modules: Mapping[str, nn.Module], optimisers: Mapping[str, Optimizer]
) -> None:
    """Write modules and optimisers into a new folder, which appears whole or not at all.

    Args:
        folder: of the checkpoint; replaced where it exists.
        state: plain values kept beside the weights, such as the step.
        modules, optimisers: what to save, by name.
    Raises:
        OSError: it cannot be written; what was there before is unchanged.
    """
    files = {name: dict(module.state_dict()) for name, module in modules.items()}
    files |= {name: optimiser_tensors(optimiser) for name, optimiser in optimisers.items()}
    with new_folder(folder) as part:
        for name, tensors in files.items():
            _save_tensors(part / f"{name}.safetensors", tensors)
        (part / "state.json").write_text(json_text({"format": FORMAT, **state}, indent=1), encoding="utf-8")


def read_state(folder: Path) -> dict[str, Any]:
    """The plain values of a checkpoint.

    Raises:
        CheckpointError: the folder holds none, or one of another format.
    """
    path = folder / "state.json"
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error}); is this folder a checkpoint?") from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        known = state.get("format") if isinstance(state, dict) else None
        raise CheckpointError(
            f"{path}: format {known!r}; this facegen reads format {FORMAT}: train the run again, or use the version "
            f"that wrote it"
        )
    return state


def read_step(folder: Path) -> int:
    """The number of steps after which a checkpoint was written.

    Raises:
        CheckpointError: the folder holds no checkpoint, or a damaged one.
    """
    step = read_state(folder).get("step")
    if not isinstance(step, int):
        raise CheckpointError(f"{folder / 'state.json'}: step = {step!r}: must be a number; {_remedy(folder)}")
    return step


def load_module(folder: Path, name: str, module: nn.Module, *, shared_only: bool = False) -> None:
    """Fill a module from a checkpoint, in place.

    Args:
        folder, name: of the file.
        module: to be filled.
        shared_only: children that only one side has, such as a head, are left as they are.
    Raises:
        CheckpointError: the file is missing or damaged, a tensor is missing, unknown, or of another shape or type, or
            holds NaN or infinity; the module is unchanged.
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
    module.load_state_dict(tensors)


def _differences(stored: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> list[str]:
    """Why stored tensors do not fit a module, a tensor each."""
    found = []
    for key in sorted(stored.keys() | own.keys()):
        if key not in stored:
            found.append(f"tensor '{key}' is missing")
        elif key not in own:
            found.append(f"tensor '{key}' is unknown")
        elif _kind(stored[key]) != _kind(own[key]):
            found.append(f"tensor '{key}' is {_kind(stored[key])} instead of {_kind(own[key])}")
    return found


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def same_network(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Whether two states are of one network, as far as both have the same children."""
    both = _children(one) & _children(other)
    first, second = ({key: _kind(each[key]) for key in each if _child(key) in both} for each in (one, other))
    return first == second


def _child(key: str) -> str:
    return key.partition(".")[0]


def _children(keys: Iterable[str]) -> set[str]:
    return {_child(key) for key in keys}


def load_optimiser(folder: Path, name: str, optimiser: Optimizer) -> None:
    """Fill an optimiser from a checkpoint, in place; its settings stay the recipe's.

    Raises:
        CheckpointError: the file is missing, damaged, or of other weights.
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
        # Fused optimisers walk a weight and its moments as they lie in memory: both must lie alike.
        alike = torch.empty_like(weight).copy_(tensor) if tensor.shape == weight.shape else tensor
        state.setdefault(int(number), {})[moment] = alike
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def optimiser_tensors(optimiser: Optimizer) -> dict[str, Tensor]:
    """All that an optimiser has accumulated, by "number of the weight.name"."""
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
    path.chmod(mode)  # safetensors lets nobody else read what it writes, whatever the umask


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a checkpoint's file.

    Raises:
        CheckpointError: it is missing or damaged, or a tensor holds NaN or infinity.
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
    """Names of the tensors that hold NaN or infinity."""
    return [key for key, tensor in tensors.items() if not bool(tensor.isfinite().all())]


def _remedy(folder: Path) -> str:
    return f"restore it from a copy, or remove {folder} and call `facegen train ... --resume`"
