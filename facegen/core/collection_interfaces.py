"""Base classes of the parts of collections. The many processes of a collection start faster without torch."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray


class FaceBox(NamedTuple):
    """Square that holds a face, in pixels.

    Attributes:
        left, top: position of its upper left corner.
        side: length of its sides.
        weight: confidence of the detector. It is not a probability; larger values are more certain.
    """

    left: int
    top: int
    side: int
    weight: float


class Detector:
    """Face detector: `__init__(*, settings)`. It is built in every process, and not copied between processes.

    Attributes:
        smallest_pixels: side of the smallest face that it finds; to find larger faces only, shrink the image first.
        sure: least weight of a certain face; a collection rejects boxes below it.
    """

    smallest_pixels: ClassVar[int] = 30
    sure: ClassVar[float] = 0.0

    def find(self, image: NDArray[np.uint8]) -> list[FaceBox]:
        """Find faces in an RGB image, (H, W, 3) uint8, sorted by decreasing weight."""
        raise NotImplementedError


class Executor:
    """Executor of independent tasks: `__init__(*, settings)`."""

    def run(self, work: Callable[[Any], Any], tasks: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Run tasks, and yield each with its result, in the order in which they end.

        Args:
            work: a function of a module; it, the tasks and the results can be sent to another process.
            tasks: taken one at a time, as workers become free.
        Returns:
            (task, result) pairs. Where `work` raised, or its process died, the result is the exception; the other tasks
            continue. Closing the iterator stops the workers.
        """
        raise NotImplementedError
