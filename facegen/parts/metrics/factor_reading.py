"""What a reader read of one factor, and what follows from it, with intervals over people."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from facegen.core.evidence import Side
from facegen.core.statistics import Bootstrap, Estimate
from facegen.parts.metrics.linear_reader import Factor

Kind = Literal["real", "generated"]

_ALIKE = 1e-12
"""A variance of readings that is less than so much of the truth's is rounding."""


@dataclass(frozen=True)
class Reading:
    """Readings of one factor from real and from generated faces.

    Attributes:
        factor: its name and classes.
        side: what it decides.
        truth: (N,)
        real: (N,) read from real faces.
        fake: (N, Z) read from generated ones.
        people: whose rows they are.
    """

    factor: Factor
    side: Side
    truth: Tensor
    real: Tensor
    fake: Tensor
    people: Bootstrap

    def recovery(self, kind: Kind) -> tuple[Estimate, float]:
        """R2 or accuracy over faces, and what is chance."""
        if self.factor.classes is None:
            return self.people.estimate(lambda weights: self._signed_r2(kind, weights)), 0.0
        return self.people.share(self._hits(kind)), self._chance[kind]

    def skill(self, kind: Kind) -> float:
        """How far from chance to certainty."""
        return float(self.skills(kind, torch.ones(1, self.people.num_people, dtype=torch.float64)))

    def skills(self, kind: Kind, weights: Tensor) -> Tensor:
        """The same under weights of people, (R, people) -> (R,)."""
        if self.factor.classes is None:
            return self._signed_r2(kind, weights)
        chance = self._chance[kind]
        accuracy = (weights @ self.people.sums(self._hits(kind))) / (weights @ self.people.num_rows)
        return (accuracy - chance) / (1 - chance) if chance < 1 else torch.zeros_like(accuracy)

    def spread(self) -> Estimate:
        """Deviation of what is read from generated faces over that from real ones; of a class, of 1 - sum p^2."""
        root = 0.5 if self.factor.classes is None else 1.0
        moments = {kind: self._moments(kind) for kind in ("real", "generated")}

        def statistic(weights: Tensor) -> Tensor:
            num = weights @ self.people.num_rows
            spreads = {
                kind: ((weights @ squares) / num - ((weights @ sums) / num[:, None]).square().sum(1)).clamp(min=0)
                for kind, (sums, squares) in moments.items()
            }
            return (spreads["generated"] / spreads["real"]) ** root

        return self.people.estimate(statistic)

    def share(self) -> Estimate:
        """Variance between conditions over that between conditions and noises: one-way analysis of variance."""
        read = self._columns(self.fake)
        num_noises = read.shape[1]
        means = read.mean(1)
        within = self.people.sums(read.var(1).sum(1))
        first, second = self.people.sums(means), self.people.sums(means.square().sum(1))

        def statistic(weights: Tensor) -> Tensor:
            num = weights @ self.people.num_rows
            noise = (weights @ within) / num
            among = (weights @ second) / num - ((weights @ first) / num[:, None]).square().sum(1)
            voice = (among * num / (num - 1) - noise / num_noises).clamp(min=0)
            return voice / (voice + noise)

        scale = self._columns(self.truth[:, None])
        if float(read.var((0, 1), correction=0).sum()) <= _ALIKE * float(scale.var((0, 1), correction=0).sum()):
            return Estimate(math.nan, None, None)
        return self.people.estimate(statistic)

    @cached_property
    def _chance(self) -> dict[Kind, float]:
        """The share of right readings if they were dealt out anew among the rows."""
        true = self._columns(self.truth[:, None]).mean((0, 1))
        kinds: tuple[Kind, Kind] = ("real", "generated")
        return {kind: float(self._columns(self._read(kind)).mean((0, 1)) @ true) for kind in kinds}

    def _read(self, kind: Kind) -> Tensor:
        return self.real[:, None] if kind == "real" else self.fake

    def _hits(self, kind: Kind) -> Tensor:
        return (self._read(kind) == self.truth[:, None]).double().mean(1)

    def _columns(self, read: Tensor) -> Tensor:
        """(N, Z) -> (N, Z, C) one column a class, or (N, Z, 1) the quantity, less its mean."""
        if self.factor.classes is None:
            return (read - read.mean())[..., None].double()
        return (read[..., None] == self.factor.classes).double()

    def _moments(self, kind: Kind) -> tuple[Tensor, Tensor]:
        """Sums over people of what was read, and of its square, means over noises."""
        read = self._columns(self._read(kind))
        return self.people.sums(read.mean(1)), self.people.sums(read.square().sum(2).mean(1))

    def _signed_r2(self, kind: Kind, weights: Tensor) -> Tensor:
        """r |r| of reading and truth over all faces; 0 where every face is read alike."""
        num = weights @ self.people.num_rows
        read, truth = self._columns(self._read(kind))[..., 0], (self.truth - self.truth.mean()).double()
        products = torch.stack(
            [read.mean(1), truth, read.square().mean(1), truth.square(), read.mean(1) * truth], dim=1
        )  # fmt: skip
        x, y, xx, yy, xy = ((weights @ self.people.sums(products)) / num[:, None]).unbind(1)
        one, other = xx - x * x, yy - y * y
        alike = one <= _ALIKE * other
        r = torch.where(alike, 0, (xy - x * y) / torch.where(alike, 1, one * other).sqrt())
        return r * r.abs()
