"""Networks that a recipe claims, compared with the weights that a run holds, before anything of their size exists."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as hooks

from facegen.core.batch import DataSpec
from facegen.core.errors import CheckpointError, FacegenError
from facegen.core.recipe.part_config import Recipe
from facegen.training.build import DraftRun, Networks, build_networks
from facegen.training.runs.run import Run

MAX_MODULES_PER_BYTE, SPARE_MODULES = 1 / 64, 10_000
"""A tensor takes 64 bytes of a file's header and more; a recipe has some modules without tensors."""
SPARE_BYTES = 64 * 2**20
"""Weights that a recipe has and a file does not, such as a discriminator that a model does not need."""
FACTOR = 16
"""A file of the generator alone is smaller than all networks, and its numbers may have half of the bytes."""


class _ClaimTooLarge(Exception):  # noqa: N818 (caught in this module)
    """The networks are far larger than the file."""


def build_claimed(path: Path, recipe: Recipe, data: DataSpec, draft: DraftRun | None, file_bytes: int) -> Networks:
    """Build the networks of a stranger's recipe on the meta device, where they take no memory.

    Args:
        path: of the run or model, for the error.
        recipe, data, draft: as in `build_networks`.
        file_bytes: size of the weights that the networks are to hold.
    Raises:
        CheckpointError: they cannot be built, or are far larger than the weights.
    """
    try:
        with torch.device("meta"), _counting(file_bytes):
            return build_networks(recipe, data, draft)
    except _ClaimTooLarge as error:
        raise CheckpointError(
            f"{path}: its recipe asks for networks of more than {error}, and its weights have {file_bytes} bytes: they "
            f"do not belong together; restore the run from a copy, or get the file again"
        ) from None
    except FacegenError as error:
        raise CheckpointError(*error.problems) from error
    except (RuntimeError, ValueError, TypeError, LookupError, ArithmeticError, MemoryError) as error:
        raise CheckpointError(f"{path}: its networks cannot be built: {error}") from error


def claimed_networks(run: Run, draft: DraftRun | None = None) -> Networks:
    """Build the networks of a run on the meta device; a run of a stranger may ask for more memory than there is.

    Raises:
        CheckpointError: as `build_claimed`.
    """
    num_bytes = sum(path.stat().st_size for path in (run.path / "checkpoints").glob("*/*.safetensors"))
    return build_claimed(run.path, run.recipe, run.data, draft, num_bytes)


@contextmanager
def _counting(file_bytes: int) -> Iterator[None]:
    """Count modules and bytes of tensors as they are registered; stop at a multiple of the file's size."""
    max_bytes = FACTOR * file_bytes + SPARE_BYTES
    max_modules = int(MAX_MODULES_PER_BYTE * file_bytes) + SPARE_MODULES
    num_modules, num_bytes = 0, 0

    def count_module(parent: nn.Module, name: str, child: Any) -> None:
        nonlocal num_modules
        num_modules += 1
        if num_modules > max_modules:
            raise _ClaimTooLarge(f"{max_modules} layers")

    def count_tensor(parent: nn.Module, name: str, tensor: Any) -> None:
        nonlocal num_bytes
        if isinstance(tensor, torch.Tensor):
            num_bytes += math.prod(tensor.shape) * tensor.element_size()
        if num_bytes > max_bytes:
            raise _ClaimTooLarge(f"{max_bytes >> 20} MiB")

    handles = [
        hooks.register_module_module_registration_hook(count_module),
        hooks.register_module_parameter_registration_hook(count_tensor),
        hooks.register_module_buffer_registration_hook(count_tensor),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
