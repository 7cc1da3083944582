"""The kinds of part. A further kind costs one row here one class in `interfaces.py` and its public name."""

from dataclasses import dataclass
from typing import Literal

from facegen.core.tables import ConditionerSettings, DataSettings, MatchSettings, PenaltySettings, Table


@dataclass(frozen=True)
class Kind:
    """One kind of part.

    Attributes:
        name: as in `facegen describe KIND NAME`.
        interface: public name, in `facegen`, of the class that its parts subclass.
        table: the recipe table that chooses one.
        many: the table may be a list of tables.
        meaning: what such a part does, for lists and error texts.
        engine_keys: keys that the table has beside the part's own.
        chosen_in: the file that has the table: a recipe, or the list of sources of a collection.
    """

    name: str
    interface: str
    table: str
    many: bool
    meaning: str
    engine_keys: type[Table] = Table
    chosen_in: Literal["recipe", "sources"] = "recipe"

    @property
    def hook(self) -> str:
        """The hook that plugins implement to register parts of this kind."""
        plural = f"{self.name[:-1]}ies" if self.name.endswith("y") else f"{self.name}s"
        return f"facegen_{plural}"


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("dataset", "Dataset", "data", False, "clips of people", DataSettings),
        Kind("conditioner", "Conditioner", "conditioner", True, "encodes what is known", ConditionerSettings),
        Kind("transform", "ConditionTransform", "condition", True, "changes the condition"),
        Kind("generator", "Generator", "generator", False, "draws faces"),
        Kind("discriminator", "Discriminator", "discriminator", False, "judges faces"),
        Kind("objective", "Objective", "objective", True, "losses of both networks"),
        Kind("penalty", "Penalty", "penalty", True, "regularises the discriminator", PenaltySettings),
        Kind("augmentation", "Augmentation", "augment", False, "stands between faces and discriminator"),
        Kind("matcher", "Matcher", "match", False, "learns who belongs together", MatchSettings),
        Kind("metric", "Metric", "metric", True, "answers one question about a run"),
        Kind("recogniser", "Recogniser", "recogniser", True, "judges from outside: features of faces or of speech"),
        Kind("detector", "Detector", "detector", False, "finds faces in a picture", chosen_in="sources"),
        Kind("executor", "Executor", "executor", False, "does the tasks of a collection", chosen_in="sources"),
    )
}
RECIPE_KINDS = {name: kind for name, kind in KINDS.items() if kind.chosen_in == "recipe"}
"""The kinds whose parts a recipe chooses."""
