"""Copies of the files that a recipe's parts name, in the folder of a run.

    files/<first 16 digits of the SHA-256>/<name>      a file, or a folder with the files in it

The recipe in the folder names the copies, and `run.json` their originals, sizes and hashes. Nothing outside of the
folder is read for a run, except a file that is too large to be copied, and only where its hash is that of `run.json`.
"""

import hashlib
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from facegen.core.errors import CheckpointError, RecipeError
from facegen.core.files import new_folder
from facegen.core.readable_files import open_bytes, real_path
from facegen.core.recipe.merge import Tables
from facegen.core.recipe.part_config import Recipe
from facegen.core.recipe.part_paths import NO_PATH, missing_paths, part_paths, pretrained_paths, with_part_paths
from facegen.core.recipe.recipe import check_recipe

FILES = "files"
MAX_COPIED_BYTES = 2**30
"""Size of a file, or of all files of a folder, above which it is not copied."""
MAX_FILES = 10_000
"""Number of files of a folder."""
STORED = re.compile(r"files/[0-9a-f]{16}/[^/\\]+")
_CONTENT = re.compile(r"^.*/(files/[0-9a-f]{16}/[^/\\]+)$")


@dataclass(frozen=True)
class RunFile:
    """A file or folder that a part of a run reads.

    Attributes:
        original: its path when the run was created.
        sha256: of the file, or of names and contents of a folder's files.
        num_bytes: size.
        stored: path of the copy in the run's folder; "" if it was not copied, because it is too large, or holds weights
            that others have trained (`Conditioner.pretrained`).
    """

    original: str
    sha256: str
    num_bytes: int
    stored: str

    @classmethod
    def of(cls, path: Path) -> "RunFile":
        """Describe a file or folder.

        Raises:
            OSError: it cannot be read.
            RecipeError: it is neither, or a folder with too many files.
        """
        digest, num_bytes, path = hashlib.sha256(), 0, path.absolute()
        for file in files_of(path):
            with open_bytes(file) as opened:
                content = hashlib.file_digest(opened, "sha256").digest()
            digest.update(str(file.relative_to(path)).encode("utf-8", "surrogateescape") + b"\0" + content)
            num_bytes += file.stat().st_size
        sha256 = digest.hexdigest()
        stored = f"{FILES}/{sha256[:16]}/{path.name}" if num_bytes <= MAX_COPIED_BYTES else ""
        return cls(str(path), sha256, num_bytes, stored)

    def to_json(self) -> dict[str, Any]:
        """Return plain values, for `run.json`."""
        return asdict(self)


def files_of(path: Path) -> Iterator[Path]:
    """Yield a file, or the files of a folder in the order of their names; symbolic links count as their targets."""
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise RecipeError(f"{path}: is neither a file nor a folder")
    files = list(islice((file for file in path.rglob("*") if file.is_file()), MAX_FILES + 1))
    if len(files) > MAX_FILES:
        raise RecipeError(f"{path}: at most {MAX_FILES} files are allowed in a folder of a part, and it holds more")
    yield from sorted(files)


def describe_files(recipe: Recipe) -> tuple[Recipe, list[RunFile]]:
    """Describe the files of a recipe; also return the recipe as a run stores it, with paths inside of the folder.

    Raises:
        RecipeError: a file is missing or cannot be read.
    """
    missing = missing_paths(recipe)
    if missing:
        raise RecipeError(*missing)
    files: dict[str, RunFile] = {}
    others = pretrained_paths(recipe)
    for where, path in part_paths(recipe):
        try:
            file = RunFile.of(path)
            file = replace(file, stored="") if path in others else file
        except OSError as error:
            raise RecipeError(f"{where} = '{path}': cannot be read ({error})") from error
        files.setdefault(file.original, file)

    def stored(path: Path) -> str:
        file = files.get(str(path.absolute()))
        return str(path) if file is None else file.stored or file.original

    return replace(recipe, tables=with_part_paths(recipe, stored)), list(files.values())


def copy_files(folder: Path, files: Sequence[RunFile]) -> None:
    """Copy files into the folder of a run.

    Raises:
        OSError: one cannot be copied.
    """
    for file in files:
        if file.stored and not (folder / file.stored).parent.exists():
            with new_folder((folder / file.stored).parent) as part:
                _copy(Path(file.original), part / Path(file.stored).name)


def _copy(source: Path, target: Path) -> None:
    """Copy a file or a folder; a symbolic link is copied as the file that it names."""
    if source.is_dir():
        for file in files_of(source):
            copied = target / file.relative_to(source)
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copied)
    else:
        shutil.copyfile(source, target)


def read_files(folder: Path, plain: Any) -> list[RunFile]:
    """Check the descriptions of files in `run.json`.

    Raises:
        CheckpointError: one has another form, or leads out of the folder.
    """
    try:
        files = [RunFile(**entry) for entry in plain]
        for file in files:
            is_text = all(isinstance(value, str) for value in (file.original, file.sha256, file.stored))
            if not (is_text and isinstance(file.num_bytes, int)):
                raise TypeError(f"{file}: a value has another type")
            if file.stored and (not STORED.fullmatch(file.stored) or Path(file.stored).name == ".."):
                raise ValueError(f"stored = {file.stored!r:.100} is no path in {FILES}")
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{folder}: the list of its files is damaged: {error}; restore it from a copy") from None
    return files


def opened_tables(folder: Path, recipe: Recipe, files: Sequence[RunFile]) -> Tables:
    """Return the tables of a run's recipe with the paths of its files on this machine.

    Raises:
        CheckpointError: a file is missing, has changed, or is not one of the run.
    """
    return with_part_paths(recipe, lambda path: str(_locate(folder, path, files)))


def _locate(folder: Path, path: Path, files: Sequence[RunFile]) -> Path:
    if str(path) == NO_PATH:  # of a model file
        return path
    for file in files:
        if file.stored and path.as_posix() == file.stored:
            copied = real_path(folder) / file.stored
            if not real_path(copied).is_relative_to(real_path(folder) / FILES):
                raise CheckpointError(f"{folder}: {file.stored} leads out of the folder; get the run again")
            if not (copied.is_file() or copied.is_dir()):
                raise CheckpointError(f"{folder}: {file.stored} is missing; restore it from a copy of the run")
            return copied
        if not file.stored and str(path) == file.original:
            if not _has_size(path, file.num_bytes) or RunFile.of(path).sha256 != file.sha256:
                raise CheckpointError(
                    f"{folder}: reads {path}, which was not copied ({file.num_bytes:,} bytes) and is gone or has "
                    f"changed; put the file with the SHA-256 {file.sha256} there"
                )
            return path
    raise CheckpointError(f"{folder}: its recipe names {path}, which is not among the files of the run; train it again")


def _has_size(path: Path, num_bytes: int) -> bool:
    """Compare sizes, which needs no reading: a stranger's run may name any folder of this machine."""
    return path.exists() and sum(file.stat().st_size for file in files_of(path)) == num_bytes


def with_run_files(folder: Path, recipe: Recipe, files: Sequence[RunFile]) -> Recipe:
    """Return a recipe with the run's copies in place of the same files elsewhere.

    A file is the same if it has the path of the original and is gone, or has its content.
    """
    own = real_path(folder)
    targets = {(own / file.stored if file.stored else Path(file.original)): file for file in files}

    def change(path: Path) -> str:
        full = path.absolute()
        if full in targets:
            return str(full)
        content = RunFile.of(path).sha256 if path.exists() else None
        for target, file in targets.items():
            if file.sha256 == content or (content is None and file.stored and str(full) == file.original):
                return str(target)
        return str(path)

    if not files:
        return recipe
    return replace(check_recipe(with_part_paths(recipe, change), recipe.source), earlier=recipe.earlier)


def without_folders(value: Any) -> Any:
    """Shorten paths of copies in plain values to hash and name, which are the same in every run."""
    if isinstance(value, dict):
        return {key: without_folders(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_folders(item) for item in value]
    return _CONTENT.sub(r"\1", value) if isinstance(value, str) else value
