"""What the parts of a collection must be. Its processes are many and have no use for torch: nothing here imports it."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from facegen.core.face_box import FaceBox


class Detector:
    """Finds faces in pictures: `__init__(*, settings)`. It is built anew in every process, never copied into one.

    Attributes:
        smallest_pixels: side of the smallest face that it finds; who looks for larger ones shrinks the picture first.
        sure: weight from which on there is little doubt that a box holds a face; a collection rejects those below.
    """

    smallest_pixels: ClassVar[int] = 30
    sure: ClassVar[float] = 0.0

    def find(self, image: NDArray[np.uint8]) -> list[FaceBox]:
        """(H, W, 3) uint8, RGB -> the faces, the surest first."""
        raise NotImplementedError


class Executor:
    """Does many tasks that have nothing to do with each other: `__init__(*, settings)`."""

    def run(self, work: Callable[[Any], Any], tasks: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Each task with what `work` answered, in the order in which they end.

        Args:
            work: a function of a module; it, the tasks and the answers can be sent to another process.
            tasks: asked for one at a time, as workers get free.
        Returns:
            Where `work` raised, or its process died, the exception stands in the place of the answer; the other tasks
            go on. Closing the iterator stops the workers.
        """
        raise NotImplementedError
