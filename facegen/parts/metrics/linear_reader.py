"""Linear reader of hidden factors from the pixels of faces."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from facegen.core.cache import load_cached, save_cached

_PIXELS = 24
"""Side of the pictures that it reads; twice the resolution improves the readings little."""
_PIXEL_ERROR = 0.01
"""Deviation of the errors of its pixels that it withstands, of a range of 1.

Generated faces have errors of this size in directions in which real faces do not vary (deviation .006 to .014 beyond
the 200th principal component). A reader that learnt from real faces alone follows such directions, and reads a faint
factor such as the warmth of the light as twice as variable as it is drawn.
"""
_CHUNK_ROWS = 256
_MOST_CLASSES = 10
_STRENGTHS = torch.logspace(-7, 1, 17, dtype=torch.float64)
"""Strengths of the ridge penalty, as shares of the pixels' variance."""


@dataclass(frozen=True)
class Factor:
    """Factor to read: a quantity, or classes.

    Attributes:
        name: name of the factor.
        classes: (C,) whole numbers; None for a quantity.
    """

    name: str
    classes: Tensor | None

    @classmethod
    def of(cls, name: str, truth: Tensor) -> "Factor":
        """Make a factor: classes if the truth consists of at most ten whole numbers, otherwise a quantity."""
        values = truth.unique()
        whole = len(values) <= _MOST_CLASSES and torch.equal(values, values.round())
        return cls(name, values if whole else None)

    def targets(self, truth: Tensor) -> Tensor:
        """Encode targets: (N,) -> (N, C) one column per class, or (N, 1) the quantity."""
        if self.classes is None:
            return truth.double()[:, None]
        return (truth[:, None] == self.classes).double()

    def choose(self, read: Tensor) -> Tensor:
        """Decode readings: (..., C) or (..., 1) -> (...) class or quantity."""
        return read[..., 0] if self.classes is None else self.classes[read.argmax(-1)]


@dataclass(frozen=True)
class LinearReader:
    """Ridge regression of factors on pixels.

    Attributes:
        factors: factors that it reads.
        offset: (T,) mean targets; the T columns are those of all factors in order.
        weights: (pixels, T) regression weights.
        mean: (pixels,) mean picture.
    """

    factors: Sequence[Factor]
    offset: Tensor
    weights: Tensor
    mean: Tensor

    @classmethod
    def fit(cls, faces: Tensor, truth: Mapping[str, Tensor]) -> "LinearReader":
        """Fit on real faces, (N, H, W, 3) uint8, and their true factors."""
        factors = [Factor.of(name, values) for name, values in truth.items()]
        targets = torch.cat([factor.targets(truth[factor.name]) for factor in factors], dim=1)
        pixels = _pixels(faces)
        mean, offset = pixels.mean(0), targets.mean(0)
        return cls(factors, offset, _ridge(pixels - mean, targets - offset), mean)

    @classmethod
    def cached(cls, faces: Tensor, truth: Mapping[str, Tensor], cache: Path | None) -> "LinearReader":
        """Load the reader from the cache, or fit it and store it there."""
        if cache is None:
            return cls.fit(faces, truth)
        content_hash = hashlib.sha256(f"{_PIXELS} {_PIXEL_ERROR} {tuple(faces.shape)} {list(truth)}".encode())
        for values in (faces, *truth.values()):
            content_hash.update(values.contiguous().numpy().tobytes())
        path = cache / f"reader-{content_hash.hexdigest()[:24]}.safetensors"
        factors = [Factor.of(name, values) for name, values in truth.items()]
        cached = load_cached(path)
        if cached is not None:
            return cls(factors, cached["offset"], cached["weights"], cached["mean"])
        reader = cls.fit(faces, truth)
        save_cached(path, {"offset": reader.offset, "weights": reader.weights, "mean": reader.mean})
        return reader

    def read(self, faces: Tensor) -> dict[str, Tensor]:
        """Read faces: (..., H, W, 3) uint8 -> {factor: (...)}, class or quantity."""
        flat = faces.flatten(0, -4)
        read = torch.cat([(_pixels(part) - self.mean) @ self.weights for part in flat.split(_CHUNK_ROWS)])
        readings, first = {}, 0
        for factor in self.factors:
            width = 1 if factor.classes is None else len(factor.classes)
            columns = read[:, first : first + width] + self.offset[first : first + width]
            readings[factor.name] = factor.choose(columns).reshape(faces.shape[:-3])
            first += width
        return readings


def _pixels(faces: Tensor) -> Tensor:
    """Average areas of faces: (N, H, W, 3) uint8 -> (N, values) float64 in [0, 1]."""
    parts = [
        functional.interpolate(part.permute(0, 3, 1, 2).float() / 255, _PIXELS, mode="area").flatten(1)
        for part in faces.split(_CHUNK_ROWS)
    ]
    return torch.cat(parts).double()


def _ridge(inputs: Tensor, targets: Tensor) -> Tensor:
    """Fit ridge regression of centred inputs and targets; choose each column's ridge by generalised cross-validation.

        V(s) = |y - A(s) y|^2 / (1 - tr A(s) / N)^2,   A(s) = X (X^T X + s I)^-1 X^T,   s >= N e^2

    The least ridge is that of a regression on pixels with errors of deviation e.

    Source:
        Golub, Heath and Wahba 1979; Bishop 1995 for training with noise as a ridge. The least ridge is ours.
    """
    num, dim = inputs.shape
    if num < dim:
        values, left = torch.linalg.eigh(inputs @ inputs.T)
        directions = inputs.T @ left / values.clamp(min=values[-1] * 1e-12).sqrt()
    else:
        values, directions = torch.linalg.eigh(inputs.T @ inputs)
    values = values.clamp(min=0)
    along = directions.T @ (inputs.T @ targets)
    strengths = (_STRENGTHS * values.sum()).clamp(min=num * _PIXEL_ERROR**2).unique()
    losses = []
    for strength in strengths:
        residual = targets - inputs @ (directions @ (along / (values + strength)[:, None]))
        freedom = (values / (values + strength)).sum() + 1
        losses.append(residual.square().sum(0) / (1 - freedom / num).clamp(min=1e-6).square())
    best = strengths[torch.stack(losses).argmin(0)]
    return directions @ (along / (values[:, None] + best))
