"""How long work tells what it does, without knowing who listens."""

from collections.abc import Mapping
from pathlib import Path


class Observer:
    """Listens to long work; this one stays silent. The command line's draws progress bars."""

    def start(self, stage: str, total: int, done: int = 0) -> None:
        """A stage begins: `total` units of work, of which `done` were there already."""

    def advance(self, done: int, values: Mapping[str, float] | None = None) -> None:
        """The stage that was started last has done so many units in all; values worth showing beside it."""

    def finish(self) -> None:
        """The stage that was started last is over."""

    def say(self, message: str) -> None:
        """Something worth knowing."""

    def warn(self, message: str) -> None:
        """Something that the user should look at."""

    def picture(self, path: Path, caption: str) -> None:
        """A picture was drawn."""
