"""Recipes that are shipped with facegen, and how a recipe's name or path leads to its file."""

import re
from os.path import exists, isfile
from pathlib import Path

from facegen.core.errors import RecipeError
from facegen.core.shipped_models import shipped_models
from facegen.core.text.suggest import did_you_mean

SUFFIX = ".toml"
_PACKAGE = Path(__file__).parents[2]
_FILE_REFERENCE = re.compile(rf'"(\w+){re.escape(SUFFIX)}"(?=( *#)?)')
_SENTENCE_END = re.compile(r"(?<=[.?!])\s+(?=[A-Z])")


def recipes_folder() -> Path:
    """Return the folder of the shipped recipes: in the package where it was built, beside it in a checkout."""
    in_package = _PACKAGE / "recipes"
    return in_package if in_package.is_dir() else _PACKAGE.parent / "recipes"


def shipped_recipes() -> dict[str, Path]:
    """Return {name: file} of the shipped recipes, in the order of their names."""
    return {path.stem: path for path in sorted(recipes_folder().glob(f"*{SUFFIX}"))}


def is_bare(name: str) -> bool:
    """Return whether a name may be that of a shipped recipe: without a folder, and without the ending .toml."""
    return "/" not in name and not name.endswith(SUFFIX)


def find_recipe(name: str | Path, folder: Path = Path()) -> Path:
    """Return the file of a recipe.

    Args:
        name: path of the file, or bare name of a shipped recipe; a file of that very name comes first.
        folder: that a relative path starts from.
    Raises:
        RecipeError: a bare name belongs to no shipped recipe. A path is not looked up here.
    """
    path = folder / name
    # The functions of os.path answer no, where those of Path raise an error: to a name that is too long, for example.
    if not is_bare(str(name)) or isfile(path):
        return path
    shipped = shipped_recipes()
    if str(name) in shipped:
        return shipped[str(name)]
    if exists(path):  # a folder, about which the reader of the file complains
        return path
    if isfile(f"{path}{SUFFIX}"):
        raise RecipeError(f"'{name}' is not a shipped recipe; name a file with its ending: {name}{SUFFIX}")
    raise RecipeError(f"'{name}' is not a shipped recipe{did_you_mean(str(name), shipped)}")


def missing_file(path: Path) -> str:
    """Return the message about a recipe file that does not exist, with the nearest names."""
    shipped = shipped_recipes()
    if path.stem in shipped:
        return f"{path}: there is no such file; to use the recipe that is shipped with facegen, write {path.stem}"
    beside = [recipe.stem for recipe in path.parent.glob(f"*{SUFFIX}")] if path.parent.is_dir() else []
    nearest = did_you_mean(path.stem, beside) if beside else "; `facegen recipes` lists those that are shipped"
    return f"{path}: there is no such recipe{nearest}"


def unknown_run(name: object) -> list[str]:
    """Return what is wrong with a bare name of an earlier run; nothing where it exists, and about any path."""
    if not isinstance(name, str) or not is_bare(name) or exists(name) or name in shipped_models():
        return []
    nearest = did_you_mean(name, [*shipped_recipes(), *shipped_models()])
    return [f"there is no folder, no shipped recipe and no shipped model of that name{nearest}"]


def recipe_summary(text: str) -> str:
    """Return the first sentence of the comment that a recipe's text begins with; "" without such a comment."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").strip())
    return _SENTENCE_END.split(" ".join(lines), maxsplit=1)[0]


def standalone_text(name: str) -> str:
    """Return the text of a shipped recipe for a file in any folder: it names other shipped recipes by bare name.

    Args:
        name: a key of `shipped_recipes()`.
    """
    shipped = shipped_recipes()

    def bare_name(reference: re.Match[str]) -> str:
        other, comment = reference.groups()
        if other not in shipped:
            return reference[0]
        return f'"{other}"{" " * len(SUFFIX) if comment else ""}'  # comments stay in their column

    return _FILE_REFERENCE.sub(bare_name, shipped[name].read_text(encoding="utf-8"))
