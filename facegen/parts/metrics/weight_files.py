"""Files of pretrained weights: download, reading without running code, and comparison with a network."""

import hashlib
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit
from urllib.request import urlopen

import torch
from torch import Tensor

from facegen.core.errors import DataError
from facegen.core.files import replacing
from facegen.core.progress import Observer
from facegen.core.tensor_files import read_tensor_file

TIMEOUT_SECONDS = 5.0
_CHUNK_BYTES = 1 << 20
_MAX_NAMED = 3


class NoWeightsError(Exception):
    """No weights are available; the message gives the reason."""


def cached_file(url: str) -> Path:
    """Return the path in torch's cache at which a file of weights is stored."""
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(urlsplit(url).path).name


def download(url: str, target: Path, owner: str, remedy: str, observer: Observer) -> None:
    """Download a file of weights.

    Args:
        url: address of the file.
        target: where it is stored.
        owner: name of the network, such as "Inception".
        remedy: how a user names a file instead.
        observer: receives the progress.
    Raises:
        NoWeightsError: the download fails.
    """
    host = urlsplit(url).hostname
    try:
        with urlopen(url, timeout=TIMEOUT_SECONDS) as response:
            total = int(response.headers["Content-Length"])
            observer.say(f"downloading {owner}'s weights, {total / 1e6:.0f} MB, once: {target}")
            with replacing(target) as part:
                if _copy(response, part, total, owner, observer) != total:
                    raise NoWeightsError(f"the download from {host} is incomplete; try again, or name a file")
    except (OSError, HTTPException, TypeError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise NoWeightsError(
            f"{owner}'s weights are not stored here, and their download from {host} failed ({reason}); name a file: "
            f"{remedy}"
        ) from None


def _copy(source: IO[bytes], target: Path, total: int, owner: str, observer: Observer) -> int:
    observer.start(f"download {owner}'s weights, bytes", total)
    done = 0
    try:
        with target.open("wb") as file:
            while chunk := source.read(_CHUNK_BYTES):
                done += file.write(chunk)
                observer.advance(done)
    finally:
        observer.finish()
    return done


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read a dictionary of tensors from a file of safetensors or of torch.save, without running code from it.

    Raises:
        DataError: the file is damaged, or holds other objects than tensors.
    """
    state = read_tensor_file(path)
    if not all(isinstance(value, Tensor) for value in state.values()):
        raise DataError(f"{path}: does not hold a dictionary of tensors; name a file of weights")
    return state


def checked_tensors(
    path: Path, state: Mapping[str, Tensor], expected: Mapping[str, Tensor], owner: str
) -> dict[str, Tensor]:
    """Check names and shapes of tensors, and return them in the network's types.

    Args:
        path: their file, for the message.
        state: the tensors.
        expected: the network's state dictionary.
        owner: name of the network, such as "FID's Inception".
    Raises:
        DataError: the tensors are those of another network.
    """
    # Old files lack these counters, which evaluation does not use.
    counters = {name: value for name, value in expected.items() if name.endswith(".num_batches_tracked")}
    state = {**{name: torch.zeros((), dtype=torch.int64) for name in counters}, **state}
    problems = _differences(state, expected)
    if problems:
        raise DataError(*(f"{path}: {problem}; these are not the weights of {owner}" for problem in problems))
    return {name: state[name].to(value.dtype).contiguous() for name, value in expected.items()}


def _differences(state: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> list[str]:
    missing = [name for name in expected if name not in state]
    unknown = [name for name in state if name not in expected]
    shaped = [
        f"{name} {tuple(state[name].shape)} where {tuple(value.shape)} is expected"
        for name, value in expected.items()
        if name in state and state[name].shape != value.shape
    ]
    problems = {"lacks": missing, "has unknown": unknown, "has the shapes": shaped}
    return [f"{problem} {_first_names(names)}" for problem, names in problems.items() if names]


def _first_names(names: list[str]) -> str:
    """List the first names, and the number of the others."""
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return ", ".join(names[:_MAX_NAMED]) + more


def digest(tensors: Mapping[str, Tensor]) -> str:
    """Hash names, shapes and values."""
    content_hash = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name].contiguous()
        content_hash.update(f"{name} {tuple(value.shape)} {value.dtype};".encode())
        content_hash.update(value.numpy().data if value.ndim else value.numpy().tobytes())
    return content_hash.hexdigest()
