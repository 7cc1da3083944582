"""Identification of the weights that a report was measured with."""

from facegen.inference.load import DRAWING_WEIGHTS
from facegen.training.runs.checkpoint import hash_files
from facegen.training.runs.model_file import MATCH_MODULES
from facegen.training.runs.run import Run


def weights_hash(run: Run) -> str:
    """Hash the weights that an evaluation of the run reads; a copy of the run has the same hash.

    Raises:
        CheckpointError: the run has no generator yet.
    """
    if run.recipe.optional_config("generator") is not None:
        paths = [run.generator_checkpoint() / f"{DRAWING_WEIGHTS}.safetensors"]
    else:
        paths = sorted(path for name in MATCH_MODULES if (path := run.match_folder / f"{name}.safetensors").exists())
    return hash_files(paths)[:32]
