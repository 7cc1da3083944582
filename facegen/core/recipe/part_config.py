"""A checked recipe, and its parts with their settings."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from facegen.core.errors import FacegenError, RecipeError
from facegen.core.kinds import KINDS
from facegen.core.part_faults import build_part
from facegen.core.recipe.tables import DraftSettings, EvaluateSettings, RunSettings, TrainSettings
from facegen.core.registry import Part, registry


@dataclass(frozen=True)
class PartConfig:
    """A part and the settings that a recipe gives it.

    Attributes:
        part: the registered part.
        settings: its keyword-only arguments.
        engine: the keys of its table that the engine reads.
        where: file and table, for error messages.
    """

    part: Part
    settings: Mapping[str, Any]
    engine: Any
    where: str

    @property
    def name(self) -> str:
        """The part's name in the recipe."""
        return self.part.name

    @property
    def values(self) -> dict[str, Any]:
        """All keys of its table as plain values, defaults included."""
        plain = json.loads(json.dumps(self.settings, default=_plain))
        return {"type": self.name, **self.engine.model_dump(mode="json"), **plain}

    def build(self, *supplied: Any) -> Any:
        """Build the part from the engine's positional arguments and its own settings.

        Raises:
            RecipeError: the part refuses its settings; the message names the table.
            PluginError: the part is broken; the message names its plugin.
        """
        try:
            if self.part.is_built_in:
                return self.part.load()(*supplied, **self.settings)
            return build_part(self.part, supplied, self.settings)
        except RecipeError as error:
            raise RecipeError(*(f"{self.where} {problem}" for problem in error.problems)) from error


@dataclass(frozen=True)
class Recipe:
    """A checked recipe.

    Attributes:
        source: path of its file.
        tables: its tables after presets and overrides, which a run folder stores.
        configs: {kind: its parts, in order}; an empty tuple for a kind without parts.
        run, train, evaluate, draft: the engine's tables; `train` and `draft` are None if the recipe lacks them.
        earlier: {"table.key": recipe} of earlier runs that the recipe names by their recipes.
        judge: {kind: the parts of [judge]}, of the kinds that it names.
    """

    source: str
    tables: Mapping[str, Any]
    configs: Mapping[str, tuple[PartConfig, ...]]
    run: RunSettings
    train: TrainSettings | None
    evaluate: EvaluateSettings
    draft: DraftSettings | None = None
    earlier: "Mapping[str, Recipe]" = field(default_factory=dict)
    judge: Mapping[str, tuple[PartConfig, ...]] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, Any]:
        """All keys of all tables as plain values, defaults included, for the comparison of two recipes."""
        engine = {"run": self.run, "draft": self.draft, "train": self.train, "evaluate": self.evaluate}
        values: dict[str, Any] = {
            name: table.model_dump(mode="json") for name, table in engine.items() if table is not None
        }
        for kind, configs in self.configs.items():
            tables = [config.values for config in configs]
            if tables:
                values[KINDS[kind].table] = tables if KINDS[kind].many else tables[0]
        return values | ({"judge": self.tables["judge"]} if "judge" in self.tables else {})

    def earlier_recipes(self) -> "Iterator[tuple[str, Recipe]]":
        """Yield ("table.key", recipe) of all earlier recipes, theirs included, in the order of their training."""
        for name, recipe in self.earlier.items():
            yield from recipe.earlier_recipes()
            yield name, recipe

    @staticmethod
    def available(kind: str, fits: Callable[[Any], bool]) -> list[str]:
        """List the installed parts of a kind whose class fits; parts that cannot be loaded are left out."""
        names = []
        for name, part in sorted(registry().parts[kind].items()):
            with suppress(FacegenError):  # a recipe that uses the broken part reports it
                names += [name] if fits(part.load()) else []
        return names

    def optional_config(self, kind: str) -> PartConfig | None:
        """Return the only part of a kind; None if the recipe has none."""
        return next(iter(self.configs[kind]), None)

    def config(self, kind: str) -> PartConfig:
        """Return the only part of a kind.

        Raises:
            RecipeError: the recipe has none.
        """
        config = self.optional_config(kind)
        if config is None:
            raise RecipeError(f"{self.source}: [{KINDS[kind].table}] is missing: the recipe needs a {kind}")
        return config


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)
