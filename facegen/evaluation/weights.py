"""Identification of the weights that a report was measured with."""

import hashlib

from facegen.inference.load import DRAWING_WEIGHTS
from facegen.training.runs.run import Run


def weights_hash(run: Run) -> str:
    """Hash the weights that an evaluation of the run reads; a copy of the run has the same hash.

    Raises:
        CheckpointError: the run has no generator yet.
    """
    if run.recipe.optional_config("generator") is not None:
        paths = [run.generator_checkpoint() / f"{DRAWING_WEIGHTS}.safetensors"]
    else:
        paths = sorted(run.match_folder.glob("*.safetensors"))
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode())
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()[:32]
