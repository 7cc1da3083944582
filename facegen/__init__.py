"""facegen: faces from voices and names.

The public names for authors of plugins stand in `__init__.pyi`, where type checkers find them. They are loaded from
there on first use, so that `import facegen` costs no torch.
"""

import ast
import importlib
from functools import cache
from pathlib import Path
from typing import Any

__version__ = "0.2.0"


@cache
def _public() -> dict[str, str]:
    """{public name: module that defines it}."""
    stub = ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [line for line in stub.body if isinstance(line, ast.ImportFrom)]
    return {name.name: str(line.module) for line in imports for name in line.names}


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return sorted(_public())
    if name.startswith("__") or name not in _public():
        raise AttributeError(f"module 'facegen' has no attribute '{name}'")
    return getattr(importlib.import_module(_public()[name]), name)


def __dir__() -> list[str]:
    return [*sorted(_public()), "__version__"]
