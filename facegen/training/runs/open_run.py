"""Runs by what a user gives: a run folder, a model file, or the name of a model that ships with facegen."""

from pathlib import Path

from facegen.core.errors import CheckpointError
from facegen.core.readable_files import real_path
from facegen.core.recipe.run_files import is_run
from facegen.core.shipped_models import shipped_models
from facegen.core.text.suggest import did_you_mean
from facegen.training.runs.model_file import SUFFIX, ModelFile
from facegen.training.runs.model_unpacking import unpack_model
from facegen.training.runs.run import Run


def open_run_or_model(path_or_name: Path | str) -> Run:
    """Open a run folder, a model file, or a shipped model by its name; a model is unpacked into the user's cache.

    Raises:
        CheckpointError: there is none, or it is damaged.
    """
    return Run.open(run_folder(path_or_name))


def run_folder(path_or_name: Path | str) -> Path:
    """Return the run folder of what a user gives: itself, or that of an unpacked model.

    Raises:
        CheckpointError: a model file is missing or damaged.
    """
    path = Path(path_or_name)
    return unpack_model(ModelFile.open(model_file(path))) if is_model(path) else path


def is_model(path_or_name: Path | str) -> bool:
    """Tell whether what a user gives is a model file, or the name of a shipped model, and no folder."""
    path = Path(path_or_name)
    return path.is_file() or (not path.is_dir() and (path.suffix == SUFFIX or str(path) in shipped_models()))


def is_run_or_model(path_or_name: Path | str) -> bool:
    """Tell whether a run, a model file or a shipped model of that path or name exists."""
    path = Path(path_or_name)
    return path.is_file() or is_run(path) or (not path.exists() and str(path) in shipped_models())


def absolute(path_or_name: Path | str) -> str:
    """Return what a user gives as it is stored: an absolute path, or the name of a shipped model."""
    path = Path(path_or_name)
    return str(path) if not path.exists() and str(path) in shipped_models() else str(real_path(path))


def model_file(path_or_name: Path | str) -> Path:
    """Return the model file of a path, or of the name of a shipped model.

    Raises:
        CheckpointError: there is none.
    """
    path, shipped = Path(path_or_name), shipped_models()
    if path.is_file():
        return path
    if str(path) in shipped:
        return shipped[str(path)]
    raise CheckpointError(f"{path}: there is no such model file, nor a shipped model{did_you_mean(path.stem, shipped)}")
