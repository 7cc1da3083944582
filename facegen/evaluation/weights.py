"""Identification of the weights that a report was measured with."""

from facegen.inference.load import DRAWING_WEIGHTS
from facegen.training.runs.checkpoint import hash_files
from facegen.training.runs.model_file import MATCH_MODULES
from facegen.training.runs.run import Run

HASH_CHARACTERS = 32


def weights_hash(run: Run) -> str:
    """Hash the weights that an evaluation of the run reads; a copy of the run has the same hash.

    Raises:
        CheckpointError: the run has no generator yet.
    """
    if run.recipe.optional_config("generator") is not None:
        return hash_files([run.generator_checkpoint() / f"{DRAWING_WEIGHTS}.safetensors"])[:HASH_CHARACTERS]
    return match_weights_hash(run)


def match_weights_hash(run: Run) -> str:
    """Hash the weights of the finished match stage, without its optimiser; runs that share it have the same hash."""
    paths = (run.match_folder / f"{name}.safetensors" for name in MATCH_MODULES)
    return hash_files(sorted(path for path in paths if path.exists()))[:HASH_CHARACTERS]
