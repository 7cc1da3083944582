"""Read and write checkpoints: folders of safetensors files, each written whole or not at all."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from facegen.core.errors import CheckpointError
from facegen.core.files import new_folder
from facegen.core.readable_files import open_bytes
from facegen.core.run_schema import CHECKPOINT_FORMAT, MAX_STATE_BYTES, CheckpointState
from facegen.core.tensor_access import load_tensors as read_tensors
from facegen.core.tensor_access import open_tensors
from facegen.core.text.json_text import json_text
from facegen.training.runs.formats import read_json

STATE = "state.json"
MAX_SHOWN = 3
"""Number of differing tensors that an error names."""
MAX_FACTOR, SPARE_BYTES = 4, 64 * 2**20
"""A file may hold heads that the network lacks, and a header."""


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
        (part / STATE).write_text(json_text({"format": CHECKPOINT_FORMAT, **state}, indent=1), encoding="utf-8")


def read_state(folder: Path) -> CheckpointState:
    """Read the plain values of a checkpoint.

    Raises:
        CheckpointError: the folder holds no checkpoint, a damaged one, or one of another format.
    """
    path = folder / STATE
    if not path.is_file():
        raise CheckpointError(f"{path}: there is no such file; is this folder a checkpoint?")
    return read_json(path, CheckpointState, MAX_STATE_BYTES, lambda reason: f"{path}: {reason}; {remedy(folder)}")


def read_step(folder: Path) -> int:
    """Read the number of steps after which a checkpoint was written.

    Raises:
        CheckpointError: the folder holds no checkpoint, or a damaged one.
    """
    return read_state(folder).step


def load_module(
    folder: Path, name: str, module: nn.Module, *, shared_only: bool = False, kept: tuple[str, ...] = ()
) -> None:
    """Load the weights of a module from a checkpoint, in place.

    Args:
        folder, name: of the file.
        module: gets the weights.
        shared_only: leave children that only one side has, such as a head, as they are.
        kept: beginnings of the names of tensors to leave as they are.
    Raises:
        CheckpointError: the file is missing or damaged, or a tensor is missing, unknown, of another shape or type, or
            not finite; the module is unchanged.
    """
    path, own = folder / f"{name}.safetensors", module.state_dict()
    require_file(path, MAX_FACTOR * sum(tensor.nbytes for tensor in own.values()) + SPARE_BYTES)
    tensors = load_tensors(path)
    if shared_only:
        shared, own_shared = shared_children(tensors, own)
        tensors = {**shared, **{key: value for key, value in own.items() if key not in own_shared}}
    if kept:
        tensors = {key: value for key, value in tensors.items() if not key.startswith(kept)}
        tensors |= {key: value for key, value in own.items() if key.startswith(kept)}
    differing = tensor_differences(tensors, own)
    if differing:
        raise CheckpointError(_another_network(path, "; ".join(differing[:MAX_SHOWN]), len(differing)))
    try:
        module.load_state_dict(tensors)
    except CheckpointError as error:  # of a part that checks its own state
        raise CheckpointError(*(f"{path}: {problem}" for problem in error.problems)) from error


def shared_children(*states: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
    """Return the tensors of the children that all states have."""
    shared = set.intersection(*(_children(state) for state in states))
    return [{key: value for key, value in state.items() if _child(key) in shared} for state in states]


def tensor_differences(stored: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> list[str]:
    """List the stored tensors that do not fit a module."""
    differing = []
    for key in sorted(stored.keys() | own.keys()):
        if key not in stored:
            differing.append(f"tensor '{key}' is missing")
        elif key not in own:
            differing.append(f"tensor '{key}' is unknown")
        elif tensor_kind(stored[key]) != tensor_kind(own[key]):
            differing.append(f"tensor '{key}' is {tensor_kind(stored[key])} instead of {tensor_kind(own[key])}")
    return differing


def require_network(folder: Path, name: str, module: nn.Module) -> None:
    """Compare a file of a checkpoint with a module on the meta device, without reading its tensors.

    Raises:
        CheckpointError: the file is missing or damaged, or its tensors have other names or shapes.
    """
    path = folder / f"{name}.safetensors"
    require_file(path)
    try:
        with open_tensors(path) as file:
            stored = {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError, RuntimeError) as error:
        reason = f"cannot be read ({error}): the checkpoint is damaged"
        raise CheckpointError(f"{path}: {reason}; {remedy(folder)}") from None
    own = {key: tuple(value.shape) for key, value in module.state_dict().items()}
    differing = [key for key in sorted(stored.keys() | own.keys()) if stored.get(key) != own.get(key)]
    if differing:
        shown = "; ".join(
            f"tensor {key[:200]!r} is {stored.get(key, 'missing')} instead of {own.get(key, 'absent')}"
            for key in differing[:MAX_SHOWN]
        )
        raise CheckpointError(_another_network(path, shown, len(differing)))


def _another_network(path: Path, shown: str, num_differing: int) -> str:
    more = f"; and {num_differing - MAX_SHOWN} more" if num_differing > MAX_SHOWN else ""
    return (
        f"{path}: holds another network than the recipe's: {shown}{more}; use the recipe and the versions of facegen "
        f"and plugins that the run was trained with, or train it again"
    )


def tensor_kind(tensor: Tensor) -> str:
    """Format type and shape."""
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def same_network(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Tell whether the children that two states share have the same tensors: names, shapes and types."""
    first, second = ({key: tensor_kind(value) for key, value in state.items()} for state in shared_children(one, other))
    return first == second


def _child(key: str) -> str:
    return key.partition(".")[0]


def _children(keys: Iterable[str]) -> set[str]:
    return {_child(key) for key in keys}


def optimiser_file(name: str) -> str:
    """Return the name under which a checkpoint holds an optimiser."""
    return f"{name}_optimiser"


def optimiser_tensors(optimiser: Optimizer) -> dict[str, Tensor]:
    """Collect the state of an optimiser: {"number of the weight.name": tensor}."""
    state = optimiser.state_dict()["state"]
    return {
        f"{number}.{field}": torch.as_tensor(value)
        for number, fields in state.items()
        for field, value in fields.items()
        if value is not None
    }


def hash_files(paths: Iterable[Path]) -> str:
    """Hash the content of files and their names: SHA-256, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for path in paths:
        require_file(path)
        digest.update(path.name.encode())
        with open_bytes(path) as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()


def _save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    path.touch()
    mode = path.stat().st_mode
    try:
        save_file(storable(tensors), path)
    except SafetensorError as error:
        raise OSError(f"{path}: {error}") from error
    path.chmod(mode)  # safetensors makes its files private, whatever the umask


def storable(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors as safetensors stores them: on the CPU, contiguous, each with memory of its own.

    Tied weights and views of weights share memory; each name is stored, and loading writes the same values again.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    memory: set[int] = set()
    for name, tensor in plain.items():
        address = tensor.untyped_storage().data_ptr()
        if address in memory:
            plain[name] = tensor.clone()
        memory.add(address)
    return plain


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a checkpoint's file.

    Raises:
        CheckpointError: the file is missing or damaged, or a tensor holds NaN or infinity.
    """
    require_file(path)
    try:
        tensors = read_tensors(path)
    except (OSError, SafetensorError) as error:
        reason = f"cannot be read ({error}): the checkpoint is damaged"
        raise CheckpointError(f"{path}: {reason}; {remedy(path.parent)}") from None
    bad = non_finite(tensors)
    if bad:
        num_bad, num = int((~tensors[bad[0]].isfinite()).sum()), tensors[bad[0]].numel()
        raise CheckpointError(
            f"{path}: tensor '{bad[0]}' holds NaN or infinity in {num_bad} of {num} places: the checkpoint is damaged; "
            f"{remedy(path.parent)}"
        )
    return tensors


def require_file(path: Path, max_bytes: int | None = None) -> None:
    """Refuse what cannot be a checkpoint's file, before it is opened: a pipe would never end.

    Args:
        path: the file; a missing one passes, and is reported when it is read.
        max_bytes: largest size that the networks of the recipe explain; None for any.
    Raises:
        CheckpointError: it is no file, or larger.
    """
    if not path.exists():
        return
    if not path.is_file():
        raise CheckpointError(f"{path}: is no file: the checkpoint is damaged; {remedy(path.parent)}")
    num_bytes = path.stat().st_size
    if max_bytes is not None and num_bytes > max_bytes:
        raise CheckpointError(
            f"{path}: has {num_bytes >> 20} MiB, and the recipe's network at most {max_bytes >> 20} MiB: they do not "
            f"belong together; {remedy(path.parent)}"
        )


def non_finite(tensors: Mapping[str, Tensor]) -> list[str]:
    """List the tensors that hold NaN or infinity."""
    return [key for key, tensor in tensors.items() if not bool(tensor.isfinite().all())]


def remedy(folder: Path) -> str:
    """Tell what to do about a damaged checkpoint."""
    return f"restore it from a copy, or remove {folder} and call `facegen train ... --resume`"
