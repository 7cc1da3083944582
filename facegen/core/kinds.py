"""Kinds of parts. A further kind needs one row here, its hook in `hookspecs.py`, and its public interface."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from facegen.core import hookspecs
from facegen.core.recipe.tables import ConditionerSettings, DataSettings, MatchSettings, PenaltySettings, Table


@dataclass(frozen=True)
class Kind:
    """One kind of part.

    Attributes:
        name: as in `facegen describe KIND NAME`.
        specification: the hook that plugins implement to register parts of this kind.
        interface: public name, in `facegen`, of the class that its parts subclass.
        table: the recipe table that chooses a part.
        many: True when the table may be a list of tables.
        engine_keys: keys that the table has beside the part's own.
        chosen_in: file with the table: a recipe, or the list of sources of a collection.
    """

    name: str
    specification: Callable[[], hookspecs.Parts]
    interface: str
    table: str
    many: bool
    engine_keys: type[Table] = Table
    chosen_in: Literal["recipe", "sources"] = "recipe"

    @property
    def hook(self) -> str:
        """Name of the hook."""
        return self.specification.__name__

    def interface_class(self) -> Any:
        """Return the class that its parts subclass."""
        return getattr(importlib.import_module("facegen"), self.interface)


_KINDS = (
    Kind("dataset", hookspecs.facegen_datasets, "Dataset", "data", False, DataSettings),
    Kind("conditioner", hookspecs.facegen_conditioners, "Conditioner", "conditioner", True, ConditionerSettings),
    Kind("transform", hookspecs.facegen_transforms, "ConditionTransform", "condition", True),
    Kind("generator", hookspecs.facegen_generators, "Generator", "generator", False),
    Kind("discriminator", hookspecs.facegen_discriminators, "Discriminator", "discriminator", False),
    Kind("objective", hookspecs.facegen_objectives, "Objective", "objective", True),
    Kind("penalty", hookspecs.facegen_penalties, "Penalty", "penalty", True, PenaltySettings),
    Kind("augmentation", hookspecs.facegen_augmentations, "Augmentation", "augment", False),
    Kind("matcher", hookspecs.facegen_matchers, "Matcher", "match", False, MatchSettings),
    Kind("metric", hookspecs.facegen_metrics, "Metric", "metric", True),
    Kind("recogniser", hookspecs.facegen_recognisers, "Recogniser", "recogniser", True),
    Kind("logger", hookspecs.facegen_loggers, "Logger", "logger", True),
    Kind("detector", hookspecs.facegen_detectors, "Detector", "detector", False, chosen_in="sources"),
    Kind("executor", hookspecs.facegen_executors, "Executor", "executor", False, chosen_in="sources"),
)
KINDS: dict[str, Kind] = {kind.name: kind for kind in _KINDS}
RECIPE_KINDS = {name: kind for name, kind in KINDS.items() if kind.chosen_in == "recipe"}
"""Kinds of part of a recipe."""
