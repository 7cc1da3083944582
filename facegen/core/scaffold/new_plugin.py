"""New plugins: a package with one part of a kind, its tests, a recipe and a README, from a template of the kind."""

import keyword
import re
from dataclasses import dataclass
from pathlib import Path

from facegen.core.errors import PluginError
from facegen.core.files import write_file
from facegen.core.kinds import KINDS, Kind
from facegen.core.registry import registry

_TEMPLATES = Path(__file__).parent / "templates"
_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
PREFIX = "facegen-"
MAX_NAME_LENGTH = 23
"""Longest name with which every line of a new plugin has at most 120 characters."""


@dataclass(frozen=True)
class PluginNames:
    """Names that follow from the name of a part, such as "soft_hinge".

    Attributes:
        part: as in a recipe, and name of the module.
    """

    part: str

    @classmethod
    def of(cls, name: str, kind: Kind) -> "PluginNames":
        """Return the names for what the user gives: "soft-hinge", "soft_hinge" or "facegen-soft-hinge".

        Raises:
            PluginError: the name cannot be that of a package, or a part of the kind has it.
        """
        part = name.removeprefix(PREFIX).removeprefix("facegen_").replace("-", "_")
        if not _NAME.fullmatch(part) or keyword.iskeyword(part) or len(part) > MAX_NAME_LENGTH:
            raise PluginError(
                f"'{name}' cannot be the name of a plugin: must be lower-case letters, digits and hyphens, at most "
                f"{MAX_NAME_LENGTH} of them, begin with a letter, and be no keyword of Python; such as soft-hinge"
            )
        known = registry().parts[kind.name].get(part)
        if known is not None:
            raise PluginError(
                f"'{name}': {known.source} registers {kind.name} '{part}' already, and two parts of a kind with one "
                f"name are refused; choose another name"
            )
        return cls(part)

    @property
    def distribution(self) -> str:
        """Name of the package for pip, and of its folder."""
        return PREFIX + self.part.replace("_", "-")

    @property
    def package(self) -> str:
        """Name of the package in Python."""
        return f"facegen_{self.part}"

    @property
    def class_name(self) -> str:
        """Name of the class."""
        return "".join(word.capitalize() for word in self.part.split("_"))

    def fill(self, template: str) -> str:
        """Return a template with these names."""
        words = {"CLASSNAME": self.class_name, "PARTNAME": self.part, "PACKAGE": self.package}
        words |= {"DISTRIBUTION": self.distribution}
        for word, value in words.items():
            template = template.replace(word, value)
        return template


def example(kind: str, section: str) -> str:
    """Return a section of a kind's template: "part", "test" or "recipe"."""
    text = (_TEMPLATES / f"{kind}.txt").read_text(encoding="utf-8")
    return text.split(f"=== {section}\n")[1].split("=== ")[0]


def plugin_files(names: PluginNames, kind: Kind) -> dict[str, str]:
    """Return {path: text} of the files of a new plugin."""
    recipe = "recipe.toml" if kind.chosen_in == "recipe" else "sources.toml"
    filled = {
        "pyproject.toml": _PYPROJECT,
        "README.md": _README.replace("RECIPEFILE", recipe).replace("COMMAND", _COMMANDS[kind.chosen_in]),
        recipe: example(kind.name, "recipe"),
        f"{names.package}/__init__.py": _HOOKS,
        f"{names.package}/{names.part}.py": example(kind.name, "part"),
        f"{names.package}/py.typed": "",
        f"tests/test_{names.part}.py": example(kind.name, "test"),
    }
    return {path: names.fill(text.replace("HOOK", kind.hook).replace("KIND", kind.name))
            for path, text in filled.items()}  # fmt: skip


def write_plugin(name: str, kind_name: str, home: Path) -> tuple[Path, list[str]]:
    """Write a new plugin into a folder of its own.

    Args:
        name: of the plugin and of its part.
        kind_name: of the part.
        home: folder that the plugin's folder is created in.
    Returns:
        the plugin's folder, and the paths of its files below it.
    Raises:
        PluginError: the name is not usable, or the folder exists or cannot be written.
    """
    kind = KINDS[kind_name]
    names = PluginNames.of(name, kind)
    folder = home / names.distribution
    if folder.exists():
        raise PluginError(f"{folder}: exists already; remove it, choose another name, or another folder with --out")
    files = plugin_files(names, kind)
    try:
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            write_file(folder / path, text)
    except OSError as error:
        raise PluginError(f"{folder}: cannot be written: {error.strerror}") from error
    return folder, list(files)


_PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "DISTRIBUTION"
version = "0.1.0"
description = "KIND PARTNAME for facegen"
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["facegen"]

[project.optional-dependencies]
test = ["mypy", "pytest", "ruff"]

[project.entry-points.facegen]
PARTNAME = "PACKAGE"

[tool.ruff]
line-length = 120

[tool.ruff.lint]
select = ["E", "F", "I", "UP", "B"]

[tool.mypy]
files = ["PACKAGE", "tests"]
disallow_untyped_defs = true

[tool.pytest.ini_options]
testpaths = ["tests"]
pythonpath = ["."]
"""
_HOOKS = '''\
"""The KIND PARTNAME for facegen."""

from facegen import hookimpl


@hookimpl
def HOOK() -> dict[str, str]:
    return {
        "PARTNAME": "PACKAGE.PARTNAME:CLASSNAME",
    }
'''
_COMMANDS = {
    "recipe": "facegen check recipe.toml --preset small",
    "sources": "facegen collect sources.toml --help    # this file shows the table for your list of sources",
}
_README = """\
# DISTRIBUTION

The KIND `PARTNAME` for facegen.

    pip install -e '.[test]'
    facegen describe KIND PARTNAME
    COMMAND
    pytest
    ruff check . && mypy

| file | content |
|---|---|
| `PACKAGE/__init__.py` | the hook, which names the class in a string, so that listing parts does not import torch |
| `PACKAGE/PARTNAME.py` | the KIND; its docstring is what `facegen describe` shows |
| `tests/test_PARTNAME.py` | facegen's contract checks, and values computed by hand |
| `RECIPEFILE` | the KIND in use |
"""
