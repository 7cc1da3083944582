"""Identification of the weights that a report was measured with."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from facegen.inference.load import DRAWING_WEIGHTS
from facegen.training.runs.run import Run


def weights_hash(run: Run) -> str:
    """Hash the weights that an evaluation of the run reads; a copy of the run has the same hash.

    Raises:
        CheckpointError: the run has no generator yet.
    """
    if run.recipe.optional_config("generator") is not None:
        return _hash_of([run.generator_checkpoint() / f"{DRAWING_WEIGHTS}.safetensors"])
    return match_weights_hash(run)


def match_weights_hash(run: Run) -> str:
    """Hash the weights of the finished match stage; runs that share it have the same hash."""
    return _hash_of(sorted(run.match_folder.glob("*.safetensors")))


def _hash_of(paths: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode())
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()[:32]
