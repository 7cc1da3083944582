"""Names of a part's settings, read without importing the part, and reserved names."""

import ast
import inspect
import sys
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path

from pydantic import BaseModel

from facegen.core.kinds import Kind

RESERVED = ("type", "name")
"""Keys that the engine reads, or reserves, in every table of a part."""


def declared_settings(target: str | type) -> list[str]:
    """List the keyword-only parameters of a part.

    Args:
        target: a class, or "module:Class", whose source is parsed and not imported. A class that inherits its
            constructor then has none.
    """
    if isinstance(target, type):
        try:
            parameters = inspect.signature(target).parameters.values()
        except (TypeError, ValueError):  # a class written in C has no signature
            return []
        return [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]
    module, _, name = target.partition(":")
    spec = _find_spec(module)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return []
    try:
        tree = ast.parse(Path(spec.origin).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []  # loading the part reports the error
    return [
        argument.arg
        for part in tree.body
        if isinstance(part, ast.ClassDef) and part.name == name
        for method in part.body
        if isinstance(method, ast.FunctionDef) and method.name == "__init__"
        for argument in method.args.kwonlyargs
    ]


def explain_reserved(kind: Kind, settings: Iterable[str]) -> str:
    """Explain the first setting with a reserved name; return "" if there is none."""
    for setting in settings:
        if setting in RESERVED or setting in kind.engine_keys.model_fields:
            return f"setting '{setting}' is a key of [{kind.table}] that is reserved for the engine; rename the setting"
        if setting.startswith("_") or hasattr(BaseModel, setting):
            return f"setting '{setting}' of [{kind.table}] has a name that pydantic reserves; rename the setting"
    return ""


def _find_spec(module: str) -> ModuleSpec | None:
    """Find a module's spec without importing its parent packages, which `importlib.util.find_spec` imports."""
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
        except Exception:  # an installed import hook may raise anything; loading the part reports it
            continue
        if spec is not None:
            return spec
    return None
