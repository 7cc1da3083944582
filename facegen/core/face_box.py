"""Position of a detected face in an image."""

from typing import NamedTuple


class FaceBox(NamedTuple):
    """A square around a face, in pixels, and the confidence of its detector (larger is better; not a probability)."""

    left: int
    top: int
    side: int
    weight: float
