"""Model files as run folders, unpacked into the user's cache."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from facegen import __version__
from facegen.core.cache import user_cache
from facegen.core.errors import CheckpointError
from facegen.core.files import new_folder
from facegen.core.model_schema import ModelMetadata, TrainedRecipe
from facegen.core.readable_files import open_bytes
from facegen.core.recipe.portable import without_paths
from facegen.core.recipe.recipe import check_recipe
from facegen.core.recipe.run_files import METADATA, RECIPE
from facegen.core.run_schema import CHECKPOINT_FORMAT, RUN_FORMAT
from facegen.core.text.json_text import json_text
from facegen.training.runs import checkpoint, conditions, run
from facegen.training.runs.model_file import (
    CONDITIONS,
    MATCH_MODULES,
    PIPELINE,
    SUFFIX,
    TRAIN_FILES,
    ModelFile,
    encoders_of_pipeline,
)
from facegen.training.runs.model_header import opened_model
from facegen.training.runs.part_files import copy_files, describe_files


def unpack_model(model: ModelFile) -> Path:
    """Write a model as a run folder into the user's cache, unless it is there; return the folder.

    Raises:
        CheckpointError: a tensor holds NaN or infinity, or the cache cannot be written.
    """
    with open_bytes(model.path) as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    # What another version unpacked may have another format.
    digest = hashlib.sha256(f"{__version__} {RUN_FORMAT} {CHECKPOINT_FORMAT} {content}".encode())
    folder = user_cache("models") / digest.hexdigest()[:32] / model.path.stem
    if (folder / METADATA).is_file():
        return folder
    try:
        with new_folder(folder) as part:
            _write_run(model, part, digest.hexdigest())
    except OSError as error:
        raise CheckpointError(
            f"{model.path}: cannot be unpacked to {folder} ({error}); set XDG_CACHE_HOME to a folder that can be "
            f"written"
        ) from error
    return folder


def _write_run(model: ModelFile, folder: Path, digest: str) -> None:
    metadata = model.metadata
    _write_recipe(folder, metadata.run, metadata, model.files)
    below = folder
    for trained in metadata.drafts:
        below = below / run.DRAFT_FOLDER
        _write_recipe(below, trained, metadata, model.files)
    present = {name.partition(".")[0] for name in model.dtypes}
    if metadata.match_step is not None:
        tensors = {name: model.tensors(name) for name in MATCH_MODULES if name in present}
        if metadata.shares_encoders:
            tensors["encoders"] = encoders_of_pipeline(model.tensors(PIPELINE))
        # The key stands for all that decided the match stage, so that runs that start from it can share theirs.
        state = {"stage": "match", "step": metadata.match_step, "key": digest}
        _write_checkpoint(folder / "checkpoints" / "match", state, tensors)
    if metadata.step is not None:
        tensors = {file: model.tensors(name) for name, file in TRAIN_FILES.items() if name in present}
        state = {"stage": "train", "step": metadata.step}
        _write_checkpoint(folder / "checkpoints" / f"train-{metadata.step:08d}", state, tensors)
    _write_conditions(model, folder)


def _write_conditions(model: ModelFile, folder: Path) -> None:
    """Write the distributions of the training data, if the file has any."""
    start = f"{CONDITIONS}."
    with opened_model(model.path) as file:
        stored = [name for name in file.keys() if name.startswith(start)]  # noqa: SIM118
        tensors = {name.removeprefix(start): file.get_tensor(name) for name in stored}
    try:
        conditions.of_tensors(tensors)
    except ValueError as error:
        raise CheckpointError(f"{model.path}: the distribution of its training data: {error}") from error
    if tensors:
        save_file(tensors, folder / conditions.FILE)


def _write_recipe(folder: Path, trained: TrainedRecipe, metadata: ModelMetadata, cached: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    checked = check_recipe(trained.recipe, RECIPE)
    recipe, files = describe_files(check_recipe(without_paths(checked, cached), RECIPE))
    copy_files(folder, files)
    (folder / RECIPE).write_text(run.recipe_text(recipe), encoding="utf-8")
    fingerprint, versions = trained.corpus_fingerprint, dict(metadata.versions)
    unpacked = run.Run(folder, recipe, trained.data.spec, fingerprint, versions, files=tuple(files))
    (folder / METADATA).write_text(unpacked.metadata_text(), encoding="utf-8")


def _write_checkpoint(folder: Path, state: Mapping[str, Any], modules: Mapping[str, Mapping[str, Tensor]]) -> None:
    folder.mkdir(parents=True)
    for name, tensors in modules.items():
        save_file(checkpoint.storable(tensors), folder / f"{name}{SUFFIX}")
    text = json_text({"format": CHECKPOINT_FORMAT, **state}, indent=1)
    (folder / checkpoint.STATE).write_text(text, encoding="utf-8")
