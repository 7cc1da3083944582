"""Files that parts read, inside of a model file: tensors of bytes, named like the copies in a run's folder.

They are unpacked into the user's cache before the networks are built, as a part may read them when it is built. The
name of a tensor leads nowhere else, and the hash in it is checked.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
from torch import Tensor

from facegen.core.cache import user_cache
from facegen.core.errors import CheckpointError
from facegen.core.files import new_folder
from facegen.core.recipe.part_config import Recipe
from facegen.core.recipe.part_paths import part_paths
from facegen.training.runs.part_files import STORED, RunFile, files_of, without_folders

START = "files/"
MAX_BYTES = 2**28
"""Size of all files in a model file."""
NOT_EMBEDDED = ("metric", "recogniser")
"""Kinds of parts that no model file needs."""

Header = Mapping[str, tuple[torch.dtype | None, tuple[int, ...]]]


def embedded_paths(recipe: Recipe) -> dict[str, str]:
    """Return {path on this machine: name in a model file} of the copies that the parts of a run's recipe read."""
    paths = {str(path): str(without_folders(str(path))) for _, path in part_paths(recipe, NOT_EMBEDDED)}
    return {path: name for path, name in paths.items() if STORED.fullmatch(name)}


def read_files(recipes: Iterable[Recipe]) -> dict[str, Tensor]:
    """Read the files of runs' recipes as tensors of bytes.

    Raises:
        CheckpointError: they are too large for a model file.
    """
    tensors: dict[str, Tensor] = {}
    for path, name in {pair for recipe in recipes for pair in embedded_paths(recipe).items()}:
        root = Path(path)
        for file in files_of(root):
            inside = "" if file == root else f"/{file.relative_to(root).as_posix()}"
            tensors[f"{name}{inside}"] = torch.from_numpy(np.fromfile(file, np.uint8))
    _require_bound("the model", sum(len(tensor) for tensor in tensors.values()))
    return tensors


def unpack_files(path: Path, opened: Any, header: Header) -> dict[str, str]:
    """Write the files of a model file into the user's cache.

    Args:
        path: the model file, for errors.
        opened: the same, as safetensors opens it.
        header: {tensor: type and shape}; those with other names than files' are ignored.
    Returns:
        {name of a file or folder in the recipe: its path in the cache}
    Raises:
        CheckpointError: a name leads elsewhere, a file does not have the hash of its name, or they are too large.
    """
    names: dict[str, list[str]] = {}
    for name, (dtype, shape) in header.items():
        if name.startswith(START):
            if not (_is_inside(name) and dtype == torch.uint8 and len(shape) == 1):
                raise CheckpointError(f"{path}: tensor {name[:200]!r} is no file of a part; get the model file again")
            names.setdefault("/".join(name.split("/")[:3]), []).append(name)
    _require_bound(str(path), sum(shape[0] for name, (_, shape) in header.items() if name.startswith(START)))
    cache = user_cache("model_files")
    for root, members in names.items():
        if not _is_intact(cache, root):
            try:
                with new_folder((cache / root).parent) as part:
                    for name in members:
                        target = part / name.split("/", 2)[2]
                        target.parent.mkdir(parents=True, exist_ok=True)
                        opened.get_tensor(name).numpy().tofile(target)
            except OSError as error:
                raise CheckpointError(f"{path}: {root} cannot be unpacked to {cache} ({error})") from error
            if not _is_intact(cache, root):
                raise CheckpointError(f"{path}: {root} does not have the hash of its name; get the model file again")
    return {root: str(cache / root) for root in names}


def _is_inside(name: str) -> bool:
    """Tell whether a name is files/<hash>/<name> or a path below it."""
    parts = PurePosixPath(name).parts
    is_plain = "/".join(parts) == name and not {".", ".."} & set(parts) and "\\" not in name and "\0" not in name
    return is_plain and STORED.fullmatch("/".join(parts[:3])) is not None


def _is_intact(cache: Path, root: str) -> bool:
    return (cache / root).exists() and RunFile.of(cache / root).sha256.startswith(root.split("/")[1])


def _require_bound(subject: str, num_bytes: int) -> None:
    if num_bytes > MAX_BYTES:
        raise CheckpointError(
            f"{subject}: the files that its parts read have {num_bytes >> 20} MiB; a model file holds {MAX_BYTES >> 20}"
        )
