"""What a checked recipe is: the parts that it chose, with their settings."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from facegen.core.errors import FacegenError, RecipeError
from facegen.core.kinds import KINDS
from facegen.core.recipe.tables import DraftSettings, EvaluateSettings, RunSettings, TrainSettings
from facegen.core.registry import Part, registry


@dataclass(frozen=True)
class PartConfig:
    """A part that a recipe chose, with its settings.

    Attributes:
        part: which one.
        settings: its keyword-only arguments.
        engine: the keys of its table that the engine reads.
        where: file and table, for error texts.
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
        """Every key of its table, defaults included, as plain values."""
        plain = json.loads(json.dumps(self.settings, default=_plain))
        return {"type": self.name, **self.engine.model_dump(mode="json"), **plain}

    def build(self, *supplied: Any) -> Any:
        """The part, from what the engine supplies and its own settings.

        Raises:
            RecipeError: the part refuses its settings; the table is named.
        """
        try:
            return self.part.load()(*supplied, **self.settings)
        except RecipeError as error:
            raise RecipeError(*(f"{self.where} {problem}" for problem in error.problems)) from error


@dataclass(frozen=True)
class Recipe:
    """A checked recipe.

    Attributes:
        source: the file it came from.
        tables: what it says, presets and overrides applied; what a run folder keeps.
        configs: the parts by kind, in order; an empty tuple where there is none.
        run, train, evaluate, draft: the engine's tables; `train` is None in a recipe that only matches, `draft` in
            one that refines no earlier run.
        earlier: {"table.key": recipe} of the earlier runs that it names by their recipes.
    """

    source: str
    tables: Mapping[str, Any]
    configs: Mapping[str, tuple[PartConfig, ...]]
    run: RunSettings
    train: TrainSettings | None
    evaluate: EvaluateSettings
    draft: DraftSettings | None = None
    earlier: "Mapping[str, Recipe]" = field(default_factory=dict)

    @property
    def values(self) -> dict[str, Any]:
        """Every key of every table, defaults included, as plain values: what two recipes are compared by."""
        engine = {"run": self.run, "draft": self.draft, "train": self.train, "evaluate": self.evaluate}
        found: dict[str, Any] = {
            name: table.model_dump(mode="json") for name, table in engine.items() if table is not None
        }
        for kind, configs in self.configs.items():
            tables = [config.values for config in configs]
            if tables:
                found[KINDS[kind].table] = tables if KINDS[kind].many else tables[0]
        return found | ({"judge": self.tables["judge"]} if "judge" in self.tables else {})

    def before(self) -> "Iterator[tuple[str, Recipe]]":
        """The earlier recipes and theirs, each with the "table.key" that names it, in the order of their training."""
        for name, recipe in self.earlier.items():
            yield from recipe.before()
            yield name, recipe

    @staticmethod
    def available(kind: str, fits: Callable[[Any], bool]) -> list[str]:
        """Names of the installed parts of a kind whose classes fit; parts that cannot be loaded are left out."""
        names = []
        for name, part in sorted(registry().parts[kind].items()):
            with suppress(FacegenError):  # a broken plugin is named where it is used
                names += [name] if fits(part.load()) else []
        return names

    def optional_config(self, kind: str) -> PartConfig | None:
        """The part of a kind that a recipe has at most one of."""
        return next(iter(self.configs[kind]), None)

    def config(self, kind: str) -> PartConfig:
        """The part of a kind that this recipe cannot do without.

        Raises:
            RecipeError: there is none.
        """
        config = self.optional_config(kind)
        if config is None:
            raise RecipeError(f"{self.source}: [{KINDS[kind].table}] is missing: it chooses the {kind}")
        return config


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)
