"""Optional packages of parts: imported, or searched for files that they carry."""

import hashlib
import importlib
import importlib.util
import warnings
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType

from facegen.core.errors import RecipeError
from facegen.core.readable_files import open_bytes


def import_package(part: str, module: str, install: str) -> ModuleType:
    """Import the module of an optional package.

    Args:
        part: kind and name of the part that needs it, for the error.
        module: name of the module.
        install: arguments of `pip install`.
    Raises:
        RecipeError: it is not installed, or fails to import.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warnings of the import are of no use to a user of facegen
            return importlib.import_module(module)
    except ImportError as error:
        raise _missing(part, f"cannot import {module}: {error}", install) from error


def find_file(part: str, package: str, name: str, install: str) -> Path:
    """Find a file of a package without importing the package.

    Args:
        part: kind and name of the part that needs it, for the error.
        package: name of the package's module.
        name: path of the file in the package's folder.
        install: arguments of `pip install`.
    Raises:
        RecipeError: there is no such package or file.
    """
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(folder) / name
        if path.is_file():
            return path
    raise _missing(part, f"finds no {name} of the package {package}", install)


def hash_of(files: Iterable[Path], *values: object) -> str:
    """Hash the contents of files and further values."""
    digest = hashlib.sha256(" ".join(map(str, values)).encode())
    for path in files:
        digest.update(bytes.fromhex(file_hash(path)))
    return digest.hexdigest()


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with open_bytes(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def version_of(distribution: str) -> str:
    """Return the installed version of a distribution; "" where it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def _missing(part: str, reason: str, install: str) -> RecipeError:
    return RecipeError(f"{part} {reason}; install its packages: pip install {install}")
