"""Distributions of a run's training conditions and faces, stored in the run folder and in model files."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from facegen.core.batch import IDENTITY_IMAGE, Batch
from facegen.core.distribution import BYTES_OF_LARGEST, Distribution, shape_problems
from facegen.core.files import write_file
from facegen.core.randomness import repeatable
from facegen.core.readable_files import read_bytes
from facegen.data.loading.rows import Rows
from facegen.training.face_pipeline import FacePipeline

FILE = "conditions.safetensors"
Space = Literal["drawn", "matched", "face"]
"""Conditions of the generator, encodings of the match stage, and its embeddings of faces."""
SPACES: Sequence[Space] = ("drawn", "matched", "face")
MAX_ROWS = 1000
INFORMATIVE = frozenset({"speech", "caption", "text", IDENTITY_IMAGE})
"""Columns of a batch that may lie outside of the training data; a name is known or refused."""
_CHUNK_ROWS = 64
MAX_BYTES = len(SPACES) * BYTES_OF_LARGEST + 2**16
"""The largest distribution of every space, and a header."""

Distributions = Mapping[Space, Distribution]
Value = TypeVar("Value")


def record(
    folder: Path,
    rows: Rows,
    encoders: Mapping[Space, Callable[[Batch], Tensor]],
    modules: Sequence[nn.Module],
    needs: frozenset[str] | None = None,
) -> None:
    """Fit the distributions of training rows, and store them beside those of other spaces.

    Args:
        folder: the run folder.
        rows: the training split.
        encoders: {space: function from a batch to features}.
        modules: networks that the functions use; they are in evaluation mode meanwhile.
        needs: columns of the batches that the functions read, besides faces; by default all of them.
    """
    chosen = rows.choose(MAX_ROWS, 0)
    parts: dict[Space, list[Tensor]] = {space: [] for space in encoders}
    with torch.no_grad(), _evaluating(modules):
        for chunk in chosen.split(_CHUNK_ROWS):
            first = torch.zeros_like(chunk)
            batch = rows.fetch_plain(chunk) if needs is None else rows.fetch(chunk, first, first, needs=needs)
            for space, encode in encoders.items():
                parts[space].append(encode(batch).float().cpu())
    distributions = dict(read_conditions(folder))
    for space, features in parts.items():
        fitted = Distribution.fit(torch.cat(features), rows.clips.person[chosen], 0)
        if fitted is None:
            distributions.pop(space, None)
        else:
            distributions[space] = fitted
    if distributions:
        write_file(folder / FILE, save(to_tensors(distributions)))


def drawn_conditions(pipeline: FacePipeline, encoding: Tensor) -> Tensor:
    """Compute the conditions that the generator receives, after the transforms: (B, dim) -> (B, d).

    Encodings themselves are not compared: a projection removes the directions in which voices of another domain differ.
    """
    with repeatable(encoding.device, "training conditions"):
        return pipeline.condition(None, encoding).generator.float()


@contextmanager
def _evaluating(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Put modules into evaluation mode, and each of their parts back into its own mode afterwards."""
    was_training = [(part, part.training) for module in modules for part in module.modules()]
    for module in modules:
        module.eval()
    try:
        yield
    finally:
        for part, mode in was_training:
            part.training = mode


def read_conditions(folder: Path) -> Distributions:
    """Read the distributions of a run; none if it has no file, or one that is damaged or of another version."""
    path = folder / FILE
    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:  # a pipe would never end
            return {}
        return of_tensors(load(read_bytes(path)))
    except (OSError, SafetensorError, ValueError):
        return {}


def to_tensors(distributions: Distributions) -> dict[str, Tensor]:
    """Return the tensors of a file: "space.field"."""
    return {
        f"{space}.{name}": value
        for space, distribution in distributions.items()
        for name, value in distribution.tensors().items()
    }


def of_tensors(tensors: Mapping[str, Tensor]) -> dict[Space, Distribution]:
    """Invert `to_tensors`.

    Raises:
        ValueError: the tensors are not those of distributions.
    """
    return {space: Distribution.of_tensors(fields) for space, fields in _by_space(tensors).items()}


def stored_problems(stored: Mapping[str, tuple[torch.dtype | None, tuple[int, ...]]]) -> list[str]:
    """List what is wrong with types and shapes of the tensors of a stranger's file."""
    try:
        by_space = _by_space(stored)
    except ValueError as error:
        return [str(error)]
    return [f"{space}: {problem}" for space, fields in by_space.items() for problem in shape_problems(fields)]


def _by_space(values: Mapping[str, Value]) -> dict[Space, dict[str, Value]]:
    by_space: dict[Space, dict[str, Value]] = {}
    for name, value in values.items():
        start, _, field = name.partition(".")
        space = next((known for known in SPACES if known == start), None)
        if space is None:
            raise ValueError(f"'{name[:200]}' is of no space of features; they are {', '.join(SPACES)}")
        by_space.setdefault(space, {})[field] = value
    return by_space
