"""Packages of the parts of a recipe that facegen does not have itself, as a run and a model file record them."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from facegen.core.recipe.part_config import Recipe


def plugin_packages(recipes: Iterable[Recipe]) -> dict[str, str]:
    """Return {"kind name": "package version"} of the parts of plugins."""
    parts = [config.part for recipe in recipes for configs in recipe.configs.values() for config in configs]
    return {
        f"{part.kind.name} {part.name}": f"{part.source.package} {part.source.version}"
        for part in parts
        if not part.is_built_in
    }


def missing_packages(path: Path, problems: Iterable[str], packages: Mapping[str, str]) -> list[str]:
    """Name the packages to install, where problems of a recipe are parts that are not installed.

    Args:
        path: of the run or model file, for the message.
        problems: of its recipe.
        packages: as `plugin_packages` returned them when it was trained.
    """
    text, missing = "\n".join(problems), []
    for part, package in packages.items():
        kind, _, name = part.partition(" ")
        if f"{kind} '{name}' is not installed" in text:
            missing.append(f"{path}: {kind} '{name}' is of the package {package}; install that package")
    return missing
