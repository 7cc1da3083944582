"""Readings of one hidden factor, and statistics of them with intervals over people."""

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
"""Variances of readings below this share of the truth's variance are rounding errors."""


@dataclass(frozen=True)
class Reading:
    """Readings of one factor from real and from generated faces.

    Attributes:
        factor: name and classes of the factor.
        side: part of the data that the factor affects.
        truth: (N,) true values.
        real: (N,) readings of the real faces.
        fake: (N,) readings of one generated face per row, under the row's own noise.
        others: (N, Z) readings of further generated faces under other noises.
        people: people of the rows.
        same_voice: (N,) readings of real faces of others with the same voice; None where there are none.
    """

    factor: Factor
    side: Side
    truth: Tensor
    real: Tensor
    fake: Tensor
    others: Tensor
    people: Bootstrap
    same_voice: Tensor | None = None

    def recovery(self, kind: Kind) -> tuple[Estimate, float]:
        """Return the estimate of R2 or accuracy over faces, and its chance level."""
        if self.factor.classes is None:
            return self.people.estimate(lambda weights: self._signed_r2(kind, weights)), 0.0
        return self.people.share(self._hits(kind)), self._chance[kind]

    def skill(self, kind: Kind) -> float:
        """Compute the skill: 0 at chance, 1 at certainty."""
        return float(self.skills(kind, torch.ones(1, self.people.num_people, dtype=torch.float64)))

    def skills(self, kind: Kind, weights: Tensor) -> Tensor:
        """Compute the skill under weights of people, (R, people) -> (R,)."""
        if self.factor.classes is None:
            return self._signed_r2(kind, weights)
        chance = self._chance[kind]
        accuracy = (weights @ self.people.sums(self._hits(kind))) / (weights @ self.people.num_rows)
        return (accuracy - chance) / (1 - chance) if chance < 1 else torch.zeros_like(accuracy)

    def spread(self) -> Estimate:
        """Estimate the standard deviation of generated faces' readings over that of real ones'.

        For classes, 1 - sum p^2 takes the place of the standard deviation.
        """
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
        """Estimate the share of generated faces' variance that lies between conditions.

            share = cov(read from G(z, c), read from G(z', c)) / var(read from G(z, c))

        Source:
            Sobol 1993; the estimator from pairs that share one input is that of Janon et al. 2014, without averaging
            over both sides, because the further noises are the same for all rows.
        """
        return self._share(self.fake, self.others)

    def share_among_real(self) -> Estimate | None:
        """Estimate the same share among real faces, of which a voice has two; None where it has one."""
        return None if self.same_voice is None else self._share(self.real, self.same_voice[:, None])

    def _share(self, readings: Tensor, further: Tensor) -> Estimate:
        """Estimate the share of the variance of readings, (N,), that they have in common with further ones, (N, Z)."""
        read, other = self._columns(readings), self._columns(further).mean(1)
        products = torch.stack([(read * other).sum(1), read.square().sum(1)], dim=1)
        sums = [self.people.sums(values) for values in (read, other, products)]

        def statistic(weights: Tensor) -> Tensor:
            num = (weights @ self.people.num_rows)[:, None]
            one, two, both = ((weights @ values) / num for values in sums)
            variance = both[:, 1] - one.square().sum(1)
            return ((both[:, 0] - (one * two).sum(1)) / variance).clamp(0, 1)

        scale = self._columns(self.truth)
        if float(read.var(0, correction=0).sum()) <= _ALIKE * float(scale.var(0, correction=0).sum()):
            return Estimate(math.nan, None, None)
        return self.people.estimate(statistic)

    @cached_property
    def _chance(self) -> dict[Kind, float]:
        """Expected share of correct readings under random permutation of the rows."""
        true = self._columns(self.truth).mean(0)
        kinds: tuple[Kind, Kind] = ("real", "generated")
        return {kind: float(self._columns(self._read(kind)).mean(0) @ true) for kind in kinds}

    def _read(self, kind: Kind) -> Tensor:
        return self.real if kind == "real" else self.fake

    def _hits(self, kind: Kind) -> Tensor:
        return (self._read(kind) == self.truth).double()

    def _columns(self, read: Tensor) -> Tensor:
        """Encode readings: (N, ...) -> (N, ..., C) one column per class, or (N, ..., 1) the quantity minus its mean."""
        if self.factor.classes is None:
            return (read - read.mean())[..., None].double()
        return (read[..., None] == self.factor.classes).double()

    def _moments(self, kind: Kind) -> tuple[Tensor, Tensor]:
        """Sum readings and their squares over people."""
        read = self._columns(self._read(kind))
        return self.people.sums(read), self.people.sums(read.square().sum(1))

    def _signed_r2(self, kind: Kind, weights: Tensor) -> Tensor:
        """Compute r |r| of reading and truth over all faces; 0 if all readings are equal."""
        num = weights @ self.people.num_rows
        read, truth = self._columns(self._read(kind))[:, 0], (self.truth - self.truth.mean()).double()
        products = torch.stack([read, truth, read.square(), truth.square(), read * truth], dim=1)
        x, y, xx, yy, xy = ((weights @ self.people.sums(products)) / num[:, None]).unbind(1)
        one, other = xx - x * x, yy - y * y
        alike = one <= _ALIKE * other
        r = torch.where(alike, 0, (xy - x * y) / torch.where(alike, 1, one * other).sqrt())
        return r * r.abs()
