"""Negative sampling: rows of other people."""

import torch
from torch import Tensor


class NegativeSampler:
    """Sampler of rows of other people who share a label, such as sex.

    Args:
        person: (N,) person of each row.
        label: (N,) label of each row's person; people of label -1 have no negatives. None: all people share a label.
    """

    def __init__(self, person: Tensor, label: Tensor | None = None) -> None:
        people, of = person.unique(return_inverse=True)
        label = torch.zeros_like(person) if label is None else label
        of_person = torch.full_like(people, -1).scatter_reduce_(0, of, label.to(people.dtype), "amax")
        # Sorted by label, the people of one label are a range of indices.
        self._people = of_person.argsort(stable=True)
        _, group, sizes = of_person[self._people].unique(return_inverse=True, return_counts=True)
        starts = sizes.cumsum(0) - sizes
        place_of = torch.empty_like(self._people).scatter_(0, self._people, torch.arange(len(people)))
        own_place = place_of[of]
        self._start = starts[group[own_place]]
        self._own = own_place - self._start
        self.num = torch.where(of_person[of] >= 0, sizes[group[own_place]] - 1, 0)
        """(N,) number of other people for each row."""
        self._rows = of.argsort(stable=True)
        self._num_rows = torch.bincount(of, minlength=len(people))
        self._first_row = self._num_rows.cumsum(0) - self._num_rows

    def draw(self, rows: Tensor, num: int, generator: torch.Generator) -> Tensor:
        """Draw rows of `num` different other people, every set with equal probability.

        Args:
            rows: (B,) rows to draw for; each must have at least `num` other people.
            num: number of people per row.
        Returns:
            (B, num)
        Source:
            Floyd's sampling without replacement (Bentley and Floyd 1987), for all rows at once.
        """
        chosen = torch.empty(len(rows), 0, dtype=torch.int64)
        for step in range(num):
            last = self.num[rows] - num + step
            draw = (torch.rand(len(rows), generator=generator, dtype=torch.float64) * (last + 1)).long()
            taken = (chosen == draw[:, None]).any(dim=1)
            chosen = torch.cat([chosen, torch.where(taken, last, draw)[:, None]], dim=1)
        chosen += chosen >= self._own[rows][:, None]
        people = self._people[self._start[rows][:, None] + chosen]
        share = torch.rand(people.shape, generator=generator, dtype=torch.float64)
        return self._rows[self._first_row[people] + (share * self._num_rows[people]).long()]
