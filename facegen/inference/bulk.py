"""Many faces of a few people, in blocks, so that memory does not grow with their number."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from facegen import __version__
from facegen.inference.model import Model
from facegen.inference.sample import Subject
from facegen.training.face_pipeline import FACES_AT_ONCE, choose_noises, draw_each

Item = TypeVar("Item")
BLOCK_FACES = FACES_AT_ONCE
"""Number of faces that are drawn and written before the next ones."""


@dataclass(frozen=True)
class Block:
    """Some faces of one person.

    Attributes:
        person: number of the person.
        start, stop: numbers of the faces, from `start` up to, without, `stop`.
    """

    person: int
    start: int
    stop: int

    def of(self, rows: Sequence[Sequence[Item]]) -> Sequence[Item]:
        """Select what belongs to these faces from lists with one item per face, one list per person."""
        return rows[self.person][self.start : self.stop]


class BulkSampling:
    """Faces of people, drawn in blocks that do not depend on each other.

    Args:
        model: draws.
        subjects: the people.
        count: number of faces of each.
        seed: of the noises, which all people share.
    Raises:
        CheckpointError: the run has no trained generator.
        DataError: something that the run was trained on is missing, or cannot be read.
    """

    def __init__(self, model: Model, subjects: Sequence[Subject], count: int, seed: int) -> None:
        self.model, self.subjects, self.count, self.seed = model, subjects, count, seed
        self._encoding = model.encode_people(subjects)
        self._noises = choose_noises(model.pipeline.noise, count, seed, model.device)

    @cached_property
    def key(self) -> str:
        """Hash of everything that decides the faces: weights, inputs, seed and number."""
        digest = hashlib.sha256(f"{__version__} {self.seed} {self.count} {BLOCK_FACES}".encode())
        for values in (self._encoding, *self.model.pipeline.state_dict().values()):
            digest.update(values.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks, person by person."""
        for person in range(len(self.subjects)):
            for start in range(0, self.count, BLOCK_FACES):
                yield Block(person, start, min(start + BLOCK_FACES, self.count))

    def draw(self, block: Block) -> NDArray[np.uint8]:
        """Draw the faces of a block: (faces, H, W, 3)."""
        encoding, noises = self._encoding[block.person : block.person + 1], self._noises[block.start : block.stop]
        faces: NDArray[np.uint8] = draw_each(self.model.pipeline, encoding, noises, self.seed, block.start)[0].numpy()
        return faces
