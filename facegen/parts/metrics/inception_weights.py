"""Search, download and check of the weights of the Inception network of 2015, which defines FID."""

import hashlib
import os
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

URL = "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth"
PYTORCH_FID_NAME = "pt_inception-2015-12-05-6726825d.pth"
VARIABLE = "FACEGEN_INCEPTION_WEIGHTS"
NONE = "none"
TIMEOUT_SECONDS = 5.0
_CHUNK_BYTES = 1 << 20
_MAX_NAMED = 3


class NoWeightsError(Exception):
    """No weights are available; the message gives the reason."""


def named_weights(given: Path | None) -> Path | None:
    """Return the file named by the setting or the environment; None if neither names one.

    Raises:
        DataError: the file does not exist.
    """
    value = os.environ.get(VARIABLE, "")
    path = given if given is not None else Path(value) if value not in ("", NONE) else None
    if path is not None and not path.is_file():
        where = "inception_weights" if given is not None else VARIABLE
        raise DataError(
            f"{where} = '{path}': does not exist; name {Path(urlsplit(URL).path).name} (torch-fidelity), "
            f"{PYTORCH_FID_NAME} (pytorch-fid), or the same weights as safetensors"
        )
    return path


def find_weights(observer: Observer) -> Path:
    """Find the file that torch-fidelity or pytorch-fid downloaded; download it if there is none.

    Raises:
        NoWeightsError: the environment variable is "none", or the download fails.
    """
    if os.environ.get(VARIABLE) == NONE:
        raise NoWeightsError(f"{VARIABLE} = {NONE}")
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    own = folder / Path(urlsplit(URL).path).name
    for path in (own, folder / PYTORCH_FID_NAME):
        if path.is_file():
            return path
    _download(own, observer)
    return own


def _download(target: Path, observer: Observer) -> None:
    host = urlsplit(URL).hostname
    try:
        with urlopen(URL, timeout=TIMEOUT_SECONDS) as response:
            total = int(response.headers["Content-Length"])
            observer.say(f"downloading Inception's weights, {total / 1e6:.0f} MB, once: {target}")
            with replacing(target) as part:
                if _copy(response, part, total, observer) != total:
                    raise NoWeightsError(f"the download from {host} is incomplete; try again, or name a file")
    except (OSError, HTTPException, TypeError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise NoWeightsError(
            f"Inception's weights are not stored here, and their download from {host} failed ({reason}); name a file: "
            f"--inception-weights PATH, {VARIABLE} = PATH, or inception_weights of the [[metric]]"
        ) from None


def _copy(source: IO[bytes], target: Path, total: int, observer: Observer) -> int:
    observer.start("download Inception's weights, bytes", total)
    done = 0
    try:
        with target.open("wb") as file:
            while chunk := source.read(_CHUNK_BYTES):
                done += file.write(chunk)
                observer.advance(done)
    finally:
        observer.finish()
    return done


def read_weights(path: Path, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Read weights from a file without running code from it, and check names and shapes.

    Args:
        path: file of safetensors or of torch.save.
        expected: the network's state dictionary.
    Raises:
        DataError: the file is damaged, holds other objects than tensors, or tensors of another network.
    """
    state = read_tensor_file(path)
    if not all(isinstance(value, Tensor) for value in state.values()):
        raise DataError(f"{path}: does not hold a dictionary of tensors; name a file of FID's weights")
    # Old files lack these counters, which evaluation does not use.
    counters = {name: value for name, value in expected.items() if name.endswith(".num_batches_tracked")}
    state = {**{name: torch.zeros((), dtype=torch.int64) for name in counters}, **state}
    problems = _differences(state, expected)
    if problems:
        raise DataError(*(f"{path}: {problem}; these are not the weights of FID's Inception" for problem in problems))
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
