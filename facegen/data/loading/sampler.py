"""Sampler of the rows of each step: a function of (seed, step), so that resuming needs no state."""

import torch
from torch import Tensor

from facegen.core.clips import Clips
from facegen.core.errors import DataError
from facegen.core.randomness import generator_for
from facegen.data.loading.row_order import row_order


class Sampler:
    """Sampler of the rows of a split, in an order given by the seed: epoch by epoch, or balanced.

    A person has at most half of the rows of a batch, so that every row has rows of other people in its batch.

    Args:
        clips: the split.
        batch_size: number of rows per step.
        seed: random seed of the order.
        balance: value of [data] balance.
    Raises:
        DataError: the split holds fewer than two people, or cannot be balanced as asked.
    """

    def __init__(self, clips: Clips, batch_size: int, seed: int, balance: str | None = None) -> None:
        num_people = len(torch.unique(clips.person))
        if num_people < 2:
            raise DataError(f"the split holds {len(clips)} clips of {num_people} people; matching needs two people")
        self.clips = clips
        self.batch_size = batch_size
        self.seed = seed
        self._order = row_order(clips, balance, seed)

    def rows(self, step: int) -> Tensor:
        """Return the (batch_size,) positions in the split of a step."""
        positions = torch.arange(step * self.batch_size, (step + 1) * self.batch_size)
        return self._capped(self._order.at(positions), step)

    def _capped(self, rows: Tensor, step: int) -> Tensor:
        """Replace rows of a person with more than half of the batch by rows of other people."""
        person = self.clips.person[rows]
        people, counts = person.unique(return_counts=True)
        if int(counts.max()) <= self.batch_size // 2:
            return rows
        most_frequent = people[counts.argmax()]
        others = torch.nonzero(self.clips.person != most_frequent)[:, 0]
        excess = torch.nonzero(person == most_frequent)[self.batch_size // 2 :, 0]
        drawn = torch.randint(len(others), (len(excess),), generator=generator_for(self.seed, "cap", step))
        return rows.index_copy(0, excess, others[drawn])


def draw_mismatched_rows(person: Tensor, num: int, generator: torch.Generator) -> Tensor:
    """Draw mismatched rows for each row of a batch: rows of other people in the same batch.

    Args:
        person: (B,) person of each row.
        num: number of mismatched rows per row; they are distinct as long as there are enough.
        generator: source of the random numbers.
    Returns:
        (B, num) positions in the batch.
    """
    size = person.shape[0]
    same = person[:, None] == person[None, :]
    draws = torch.rand(size, size, generator=generator).masked_fill_(same, -1.0)
    ranked = draws.argsort(dim=1, descending=True)
    others = (~same).sum(dim=1)
    columns = torch.arange(num)[None, :] % others.clamp(min=1)[:, None]
    return ranked.gather(1, columns)
