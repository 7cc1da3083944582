"""Orders of a split's rows: functions of seed and position, so that resuming needs no state."""

from collections.abc import Collection

import torch
from torch import Tensor

from facegen.core.clips import Clips
from facegen.core.errors import DataError
from facegen.core.randomness import generator_for
from facegen.core.text.suggest import did_you_mean

PERSON = "person"
"""Value of [data] balance that stands for the people themselves; other values name an attribute."""


class ShuffledOrder:
    """Numbers that are visited epoch by epoch, each epoch in another random order.

    Args:
        numbers: (N,) what is visited, once per epoch.
        key: of the random numbers; an epoch adds its own number.
    """

    def __init__(self, numbers: Tensor, *key: int | str) -> None:
        self._numbers, self._key = numbers, key
        self._epoch: tuple[int, Tensor] = (-1, numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def at(self, visits: Tensor) -> Tensor:
        """Return the numbers of ascending visits, which are counted over all epochs: (B,) -> (B,)."""
        if not len(visits):
            return visits
        places, first, last = visits % len(self), int(visits[0]) // len(self), int(visits[-1]) // len(self)
        if first == last:
            return self._order(first)[places]
        epochs = visits // len(self)
        return torch.cat([self._order(epoch)[places[epochs == epoch]] for epoch in range(first, last + 1)])

    def one_at(self, visit: int) -> int:
        """Return the number of one visit, faster than `at`."""
        return int(self._order(visit // len(self))[visit % len(self)])

    def _order(self, epoch: int) -> Tensor:
        if self._epoch[0] != epoch:
            shuffled = torch.randperm(len(self), generator=generator_for(*self._key, epoch))
            self._epoch = (epoch, self._numbers[shuffled])
        return self._epoch[1]


class BalancedOrder:
    """Rows whose groups have equal shares, and within a group every row the same one.

    Groups take turns in cycles, each cycle in another random order; the rows of a group are visited epoch by epoch.
    Rows of no group keep the share that they have in the split, at equal distances.

    Args:
        group: (N,) group of each row; below 0 for none.
        seed: random seed of the order.
    Raises:
        DataError: no row has a group.
    """

    def __init__(self, group: Tensor, seed: int) -> None:
        self._seed, self._num_rows = seed, len(group)
        rows = group.argsort(stable=True)
        self._num_ungrouped = int((group < 0).sum())
        self._ungrouped = ShuffledOrder(rows[: self._num_ungrouped], seed, "ungrouped")
        self._grouped = rows[self._num_ungrouped :]
        groups, counts = group[self._grouped].unique(return_counts=True)
        if not len(groups):
            raise DataError("no row has a group")
        self._ends = counts.cumsum(0)
        self._starts = self._ends - counts
        self._turns = ShuffledOrder(torch.arange(len(groups)), seed, "turns")
        self._orders: dict[int, ShuffledOrder] = {}

    def at(self, positions: Tensor) -> Tensor:
        """Return the rows of positions in the order: (B,) -> (B,)."""
        before = positions * self._num_ungrouped // self._num_rows
        is_ungrouped = (positions + 1) * self._num_ungrouped // self._num_rows > before
        rows = torch.empty_like(positions)
        rows[is_ungrouped] = self._ungrouped.at(before[is_ungrouped])
        turns = (positions - before)[~is_ungrouped]
        visits = (turns // len(self._turns)).tolist()
        chosen = [
            self._order(group).one_at(visit)
            for group, visit in zip(self._turns.at(turns).tolist(), visits, strict=True)
        ]
        rows[~is_ungrouped] = torch.tensor(chosen, dtype=rows.dtype)
        return rows

    def _order(self, group: int) -> ShuffledOrder:
        if group not in self._orders:
            rows = self._grouped[self._starts[group] : self._ends[group]]
            self._orders[group] = ShuffledOrder(rows, self._seed, "group", group)
        return self._orders[group]


def row_order(clips: Clips, balance: str | None, seed: int) -> ShuffledOrder | BalancedOrder:
    """Return the order of a split by [data] balance.

    Raises:
        DataError: the corpus has no such attribute, or no clip of the split has a value of it.
    """
    if balance is None:
        return ShuffledOrder(torch.arange(len(clips)), seed, "epoch")
    problem = balance_problem(balance, clips.attributes)
    if problem is None and num_without_value(clips, balance) == len(clips):
        problem = f"balance = '{balance}': no clip of the training split has a known {balance}; remove the key"
    if problem is not None:
        raise DataError(f"[data] {problem}")
    return BalancedOrder(clips.person if balance == PERSON else clips.attributes[balance], seed)


def num_without_value(clips: Clips, balance: str | None) -> int:
    """Count the clips without a value of the attribute of [data] balance, which keep their share."""
    return 0 if balance is None or balance == PERSON else int((clips.attributes[balance] < 0).sum())


def balance_problem(balance: str | None, attributes: Collection[str]) -> str | None:
    """Explain that a corpus cannot be balanced as asked; None if it can."""
    if balance is None or balance == PERSON or balance in attributes:
        return None
    return f"balance = '{balance}': the corpus has no such attribute{did_you_mean(balance, {PERSON, *attributes})}"
