"""Where a face is in a picture."""

from typing import NamedTuple


class FaceBox(NamedTuple):
    """A square that holds a face, in pixels, and how sure its detector is of it (no probability; larger is surer)."""

    left: int
    top: int
    side: int
    weight: float
