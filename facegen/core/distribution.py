"""Distribution of the training rows in a network's features, and the place of further rows in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from facegen.core.randomness import generator_for

MIN_ROWS = 100
"""Least number of rows held back; with fewer, one of a hundred ordinary rows would lie outside of all of them."""
MAX_COMPONENTS, MAX_HELD_BACK, MAX_WIDTH = 128, 10_000, 65_536
BYTES_OF_LARGEST = 8 * ((MAX_COMPONENTS + 1) * MAX_WIDTH + MAX_COMPONENTS + 1 + MAX_HELD_BACK)
_ROWS_PER_COMPONENT, _LEAST_SHARE = 5, 1e-6
_FIELDS = ("mean", "components", "variances", "rest", "distances")


@dataclass(frozen=True)
class Distribution:
    """Gaussian of one half of the training people, and the distances of the other half.

        d(x)^2 = sum_k (u_k . (x - m))^2 / v_k + |rest of x - m|^2 / r

    Attributes:
        mean: (d,) m.
        components: (k, d) u_k, the leading principal components.
        variances: (k,) v_k.
        rest: () r, the mean variance of the other directions.
        distances: (n,) distances of the rows that were held back, sorted.
    Source:
        The covariance is that of probabilistic principal components (Tipping and Bishop 1999).
    """

    mean: Tensor
    components: Tensor
    variances: Tensor
    rest: Tensor
    distances: Tensor

    @classmethod
    def fit(cls, features: Tensor, person: Tensor, seed: int) -> Self | None:
        """Fit a Gaussian to half of the people, and hold back the others; half of the rows if there is one person.

        Args:
            features: (N, d), finite.
            person: (N,) person of each row.
            seed: random seed of the halves.
        Returns:
            the distribution; None with fewer than MIN_ROWS rows in a half.
        """
        groups, of = person.unique(return_inverse=True)
        of = torch.arange(len(person)) if len(groups) < 2 else of
        order = torch.randperm(int(of.max()) + 1, generator=generator_for(seed, "halves"))
        is_fitted = order[of] % 2 == 0
        fitted, held_back = features.double()[is_fitted], features.double()[~is_fitted][:MAX_HELD_BACK]
        if min(len(fitted), len(held_back)) < MIN_ROWS:
            return None
        mean = fitted.mean(0)
        _, scales, directions = torch.linalg.svd(fitted - mean, full_matrices=False)
        variances = scales.square() / (len(fitted) - 1)
        num = min(MAX_COMPONENTS, len(fitted) // _ROWS_PER_COMPONENT, features.shape[1])
        # Directions without variance get a small one, so that distances are finite.
        least = (variances.sum() / features.shape[1]).clamp(min=1e-30) * _LEAST_SHARE
        rest = (variances[num:].sum() / max(features.shape[1] - num, 1)).clamp(min=least)
        empty = cls(mean, directions[:num], variances[:num].clamp(min=least), rest, torch.empty(0))
        return cls(mean, empty.components, empty.variances, rest, empty.distance(held_back).sort().values)

    def distance(self, features: Tensor) -> Tensor:
        """Compute the distance of rows: (N, d) -> (N,)."""
        centred = features.double().cpu() - self.mean
        along = centred @ self.components.T
        others = (centred.square().sum(1) - along.square().sum(1)).clamp(min=0)
        return ((along.square() / self.variances).sum(1) + others / self.rest).sqrt()

    def share_nearer(self, features: Tensor) -> Tensor:
        """Compute the share of rows held back that are nearer than each row: (N, d) -> (N,)."""
        return torch.searchsorted(self.distances, self.distance(features)).double() / len(self.distances)

    def tensors(self) -> dict[str, Tensor]:
        """Return the tensors to store, float64."""
        return {name: getattr(self, name).contiguous() for name in _FIELDS}

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, Tensor]) -> Self:
        """Invert `tensors`.

        Raises:
            ValueError: the tensors are not those of a distribution.
        """
        problems = shape_problems({name: (value.dtype, tuple(value.shape)) for name, value in tensors.items()})
        if problems:
            raise ValueError(problems[0])
        values = [tensors[name] for name in _FIELDS]
        distribution = cls(*values)
        is_sorted = bool((distribution.distances.diff() >= 0).all())
        is_positive = bool((distribution.variances > 0).all()) and float(distribution.rest) > 0
        if not (all(bool(value.isfinite().all()) for value in values) and is_sorted and is_positive):
            raise ValueError("it holds values that no distribution has")
        return distribution


def shape_problems(stored: Mapping[str, tuple[torch.dtype | None, Sequence[int]]]) -> list[str]:
    """List what is wrong with the types and shapes of the stored tensors, before they are read."""
    if sorted(stored) != sorted(_FIELDS):
        return [f"its tensors are {', '.join(sorted(stored))[:200]} instead of {', '.join(_FIELDS)}"]
    if any(dtype != torch.float64 for dtype, _ in stored.values()):
        return ["its tensors are not float64"]
    shapes = {name: tuple(shape) for name, (_, shape) in stored.items()}
    width, num = (shapes["mean"] or (0,))[0], (shapes["variances"] or (0,))[0]
    expected = {"mean": (width,), "components": (num, width), "variances": (num,), "rest": ()}
    is_sound = all(shapes[name] == shape for name, shape in expected.items()) and len(shapes["distances"]) == 1
    if not is_sound or not (0 < width <= MAX_WIDTH and num <= MAX_COMPONENTS):
        return ["its tensors have shapes that do not fit each other, or are too large"]
    if not MIN_ROWS <= shapes["distances"][0] <= MAX_HELD_BACK:
        return [f"it has {shapes['distances'][0]} distances; {MIN_ROWS} to {MAX_HELD_BACK} are allowed"]
    return []
