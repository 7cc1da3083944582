"""Value of --out of commands that draw: one picture, one film, or a folder whose earlier faces are replaced."""

import json
from pathlib import Path

from facegen.core.errors import DataError, FacegenError
from facegen.core.files import remove, write_file
from facegen.core.text.json_text import json_text
from facegen.core.text.text_files import read_text
from facegen.data.media.generated_media import FILM_SUFFIXES, PICTURE_FORMATS

GRID = "grid.png"
INDEX = "faces.json"
"""File in a folder of faces that lists what the last call wrote there."""


def is_picture(out: Path) -> bool:
    """Return True if --out names one picture."""
    return out.suffix.lower() in PICTURE_FORMATS


def is_film(out: Path) -> bool:
    """Return True if --out names one film."""
    return out.suffix.lower() in FILM_SUFFIXES


def check_out(out: Path) -> None:
    """Check that --out can be written, before anything is drawn.

    Raises:
        DataError: a file is named like a folder, or the other way round.
    """
    suffixes = ", ".join((*PICTURE_FORMATS, *FILM_SUFFIXES))
    if is_picture(out) or is_film(out):
        if out.is_dir():
            raise DataError(f"--out {out}: is a folder, and its name is that of a file; give another name")
    elif out.exists() and not out.is_dir():
        raise DataError(f"--out {out}: is a file; give a folder, or a file with one of the suffixes {suffixes}")


def write_index(folder: Path, files: list[str], facts: dict[str, object]) -> None:
    """List the files of a folder in INDEX, and delete those that an earlier call listed there and this one did not.

    Other files in the folder are never touched.
    """
    for name in set(_listed(folder)) - set(files):
        remove(folder / name)
    write_file(folder / INDEX, json_text({**facts, "files": files}, indent=1))


def _listed(folder: Path) -> list[str]:
    """Return the pictures that an earlier call listed; names that lead out of the folder are ignored."""
    try:
        files = json.loads(read_text(folder / INDEX))["files"]
    except (FacegenError, OSError, ValueError, KeyError, TypeError, RecursionError):
        return []
    names = [name for name in files if isinstance(name, str)] if isinstance(files, list) else []
    return [name for name in names if name == Path(name).name and is_picture(folder / name)]
