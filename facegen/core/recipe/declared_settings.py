"""Names of a part's settings, and those that no setting may have."""

import ast
import inspect
import sys
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path

from pydantic import BaseModel

from facegen.core.kinds import Kind

RESERVED = ("type", "name")
"""Keys that the engine has, or keeps for itself, in every table that chooses a part."""


def declared_settings(target: str | type) -> list[str]:
    """The keyword-only parameters of a part; of "module:Class", as its source says, without importing the module.

    A class that takes its constructor from elsewhere tells no names before it is imported.
    """
    if isinstance(target, type):
        try:
            parameters = inspect.signature(target).parameters.values()
        except (TypeError, ValueError):  # of a class in C, which is no part
            return []
        return [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]
    module, _, name = target.partition(":")
    spec = _find_spec(module)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return []
    try:
        tree = ast.parse(Path(spec.origin).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []  # said in full when the part is loaded
    return [
        argument.arg
        for part in tree.body
        if isinstance(part, ast.ClassDef) and part.name == name
        for method in part.body
        if isinstance(method, ast.FunctionDef) and method.name == "__init__"
        for argument in method.args.kwonlyargs
    ]


def explain_reserved(kind: Kind, settings: Iterable[str]) -> str:
    """The first setting whose name a part of a kind cannot use, and why; "" where there is none."""
    for setting in settings:
        if setting in RESERVED or setting in kind.engine_keys.model_fields:
            return f"setting '{setting}' is a key of [{kind.table}] already, which the engine reads; rename the setting"
        if setting.startswith("_") or hasattr(BaseModel, setting):
            return f"setting '{setting}' has a name that the schema of [{kind.table}] needs itself; rename the setting"
    return ""


def _find_spec(module: str) -> ModuleSpec | None:
    """Where a module lies; unlike `importlib.util.find_spec`, without importing the packages above it."""
    spec, path = None, None
    names = module.split(".")
    for depth in range(1, len(names) + 1):
        spec = _ask_finders(".".join(names[:depth]), path)
        path = None if spec is None else spec.submodule_search_locations
        if path is None:
            break
    return spec if spec is not None and spec.name == module else None


def _ask_finders(module: str, path: Sequence[str] | None) -> ModuleSpec | None:
    for finder in sys.meta_path:
        try:
            spec = finder.find_spec(module, path)
        except Exception:  # a stranger's import hook may raise anything; the part is then judged when it is loaded
            continue
        if spec is not None:
            return spec
    return None
