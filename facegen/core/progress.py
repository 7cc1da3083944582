"""Progress-reporting interface."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path


class Observer:
    """Receiver of progress reports that ignores them; the command line's draws progress bars."""

    def start(self, stage: str, total: int, done: int = 0) -> None:
        """Report that a stage begins: `total` units of work, of which `done` are finished already."""

    def advance(self, done: int, values: Mapping[str, float] | None = None) -> None:
        """Report that the innermost stage has finished `done` units in total; `values` are shown beside it."""

    def finish(self) -> None:
        """Report that the innermost stage ends."""

    def section(self, name: str) -> AbstractContextManager[object]:
        """Report that a kind of work is done inside the `with` block, such as a step, or a checkpoint."""
        return nullcontext()

    def say(self, message: str) -> None:
        """Report a message."""

    def warn(self, message: str) -> None:
        """Report a warning."""

    def picture(self, path: Path, caption: str) -> None:
        """Report an image that was written."""
