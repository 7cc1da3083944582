"""Checkpoints: folders of safetensors that appear whole or not at all."""

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from facegen.core.errors import CheckpointError
from facegen.core.json_text import json_text

FORMAT = 1


def write_atomically(path: Path, text: str) -> None:
    """Write a small file so that a reader sees the old or the new one, never a part."""
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def save_checkpoint(
    folder: Path, state: Mapping[str, Any], modules: Mapping[str, nn.Module], optimisers: Mapping[str, Optimizer]
) -> None:
    """Write modules and optimisers into a new folder: under a temporary name, flushed to disk, then renamed.

    Args:
        folder: of the checkpoint; replaced where it exists.
        state: plain values kept beside the weights, such as the step.
        modules, optimisers: what to save, by name.
    """
    temporary = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    for name, module in modules.items():
        _save_tensors(temporary / f"{name}.safetensors", dict(module.state_dict()))
    for name, optimiser in optimisers.items():
        _save_tensors(temporary / f"{name}.safetensors", _optimiser_tensors(optimiser))
    write_atomically(temporary / "state.json", json_text({"format": FORMAT, **state}, indent=1))
    _sync_folder(temporary)
    if folder.exists():
        shutil.rmtree(folder)
    temporary.rename(folder)
    _sync_folder(folder.parent)


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
        raise CheckpointError(f"{path}: format {state.get('format')!r}; this facegen reads format {FORMAT}")
    return state


def load_module(folder: Path, name: str, module: nn.Module, *, shared_only: bool = False) -> None:
    """Fill a module from a checkpoint, in place.

    Args:
        folder, name: of the file.
        module: to be filled.
        shared_only: children that only one side has, such as a head, are left as they are.
    Raises:
        CheckpointError: the file is missing, damaged, or of another network.
    """
    path = folder / f"{name}.safetensors"
    tensors = load_tensors(path)
    if shared_only:
        own = module.state_dict()
        shared = _children(own) & _children(tensors)
        tensors = {key: value for key, value in tensors.items() if _child(key) in shared}
        tensors |= {key: value for key, value in own.items() if _child(key) not in shared}
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        lines = str(error).splitlines()
        raise CheckpointError(f"{path}: holds another network than the recipe's: {' '.join(lines[1:3])}") from None


def same_network(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Whether two states are of one network, as far as both have the same children."""
    both = _children(one) & _children(other)
    first, second = ({key: each[key].shape for key in each if _child(key) in both} for each in (one, other))
    return first == second


def _child(key: str) -> str:
    return key.partition(".")[0]


def _children(keys: Iterable[str]) -> set[str]:
    return {_child(key) for key in keys}


def load_optimiser(folder: Path, name: str, optimiser: Optimizer) -> None:
    """Fill an optimiser from a checkpoint, in place; its settings stay the recipe's.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    weights = [weight for group in optimiser.param_groups for weight in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in load_tensors(folder / f"{name}.safetensors").items():
        number, _, field = key.partition(".")
        weight = weights[int(number)]
        # Fused optimisers walk a weight and its moments as they lie in memory: both must lie alike.
        alike = torch.empty_like(weight).copy_(tensor) if tensor.shape == weight.shape else tensor
        state.setdefault(int(number), {})[field] = alike
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def _optimiser_tensors(optimiser: Optimizer) -> dict[str, Tensor]:
    state = optimiser.state_dict()["state"]
    return {
        f"{number}.{field}": torch.as_tensor(value)
        for number, fields in state.items()
        for field, value in fields.items()
        if value is not None
    }


def _save_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, path)
    with path.open("rb") as file:
        os.fsync(file.fileno())


def load_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint's file.

    Raises:
        CheckpointError: it is missing or damaged.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error}); the checkpoint is damaged") from None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
