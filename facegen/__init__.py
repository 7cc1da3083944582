"""facegen: faces from names, sentences and voices.

The public names for authors of plugins are loaded on first use, so that `import facegen` costs no torch.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "facegen.core.batch": ("Batch", "Condition", "DataSpec", "Terms"),
    "facegen.core.clips": ("Clips",),
    "facegen.core.critic": ("Critic",),
    "facegen.core.errors": (
        "CheckpointError",
        "DataError",
        "FacegenError",
        "PluginError",
        "RecipeError",
        "TrainingError",
    ),
    "facegen.core.evidence": ("Evidence", "Figure"),
    "facegen.core.hookspecs": ("hookimpl",),
    "facegen.core.interfaces": (
        "Augmentation",
        "ConditionTransform",
        "Conditioner",
        "Dataset",
        "Discriminator",
        "Generator",
        "Matcher",
        "Metric",
        "Objective",
        "Penalty",
    ),
    "facegen.core.schedule": ("Ramp", "Schedule"),
    "facegen.core.tables": ("DataSettings",),
}
_MODULE_OF = {name: module for module, names in _PUBLIC.items() for name in names}
__all__ = sorted([*_MODULE_OF, "__version__"])


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'facegen' has no attribute '{name}'")
    return getattr(importlib.import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return __all__
