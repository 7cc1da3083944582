"""Packages that a recogniser works with and facegen does without."""

import hashlib
import importlib
import importlib.util
import warnings
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType

from facegen.core.errors import RecipeError


def import_package(recogniser: str, module: str, install: str) -> ModuleType:
    """A package's module.

    Args:
        recogniser: who needs it.
        module: its name in Python.
        install: what pip is to be given.
    Raises:
        RecipeError: it is not installed, or does not import.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it warns of while being imported concerns no user of facegen
            return importlib.import_module(module)
    except ImportError as error:
        raise _missing(recogniser, f"cannot import {module}: {error}", install) from error


def find_file(recogniser: str, package: str, name: str, install: str) -> Path:
    """A file that a package brings along, found without importing the package.

    Raises:
        RecipeError: there is no such package or file.
    """
    found = importlib.util.find_spec(package)
    for folder in (found.submodule_search_locations or ()) if found is not None else ():
        path = Path(folder) / name
        if path.is_file():
            return path
    raise _missing(recogniser, f"finds no {name} of the package {package}", install)


def hash_of(files: Iterable[Path], *said: object) -> str:
    """Changes when one of the files does, or one of the words."""
    digest = hashlib.sha256(" ".join(map(str, said)).encode())
    for path in files:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def version_of(distribution: str) -> str:
    """What is installed of a distribution; "" where that is not known."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def _missing(recogniser: str, what: str, install: str) -> RecipeError:
    return RecipeError(f"recogniser '{recogniser}' {what}; install what it works with: pip install {install}")
