"""Metric `identity`: nearest person of each face, number of people drawn, and identity score."""

import math
from dataclasses import dataclass, replace
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from facegen.core.evidence import Better, Evidence, Figure
from facegen.core.interfaces import Metric
from facegen.core.randomness import generator_for
from facegen.core.statistics import Bootstrap
from facegen.parts.metrics.views import features_of, generated_embeddings, outside_views

_TEMPERATURES = torch.logspace(-3, 0.5, 36, dtype=torch.float64)
_BETTER: dict[str, Better] = {"generated": "higher"}
_ALONE = "one real face per person"
_LABELS = {"accuracy": "identity accuracy", "identities": "identities drawn", "score": "identity score"}
"""{key: label}"""


class Identity(Metric):
    """Nearest person of each face, in the judge's face features and in each recogniser's.

        prototype_p = mean of person p's real faces, unit vectors;   p(y | x) = softmax_y cos(x, prototype_y) / t
        accuracy = share of faces nearest to their own person's prototype, chance 1/P
        identities drawn = number of people who are nearest to at least one face, with one face per row
        identity score = exp E KL(p(y | x) || p(y)),   1 for one person only, at most P

    A real face is compared with the prototype of the person's other faces, without itself. The identity score is the
    formula of the Inception Score with people in place of ImageNet's classes; its values are not comparable with
    Inception Scores. The temperature t maximises the likelihood of the real faces. A split has at least as many faces
    as there are people, because the score cannot exceed the number of faces. Generated faces are those under the rows'
    own noises, or those under all shared noises if there are no others. A face that a recogniser does not detect has
    no nearest person: it is a miss in the accuracy, and is left out of identities and score.

    Settings:
        max_people: maximum number of people; more people are sampled.
        num_splits: maximum number of splits; the score is their mean, with its standard deviation.
    Source:
        Salimans et al. 2016 for the formula; Bai et al. 2022 (VFS) for faces. People in place of a recogniser's
        classes, the temperature (Guo et al. 2017, on real faces) and the smallest split are ours.
    """

    def __init__(
        self, *, max_people: Annotated[int, Field(ge=2)] = 1000, num_splits: Annotated[int, Field(ge=1)] = 10
    ) -> None:
        self.max_people, self.num_splits = max_people, num_splits

    def measure(self, evidence: Evidence) -> list[Figure]:
        """Compute accuracy, identities and score of real faces, and of generated ones if there are any."""
        figures = self._figures(evidence, "")
        for name, view in outside_views(evidence):
            figures += self._figures(view, name)
        return figures

    def _figures(self, evidence: Evidence, recogniser: str) -> list[Figure]:
        """Compute the figures in the judge's features, or in a recogniser's."""
        ending, suffix = features_of(recogniser)
        gallery = Gallery.of(evidence, self.max_people)
        faces = generated_embeddings(evidence)
        kinds = ["real"] if faces is None else ["real", "generated"]
        if gallery.num_people < 2:
            reason = "at least two people are needed"
            return [
                Figure.missing(f"{key}.{kind}{ending}", f"{label}, {kind}{suffix}", reason, by_judge=not recogniser)
                for key, label in _LABELS.items()
                for kind in kinds
            ]
        cosines = {"real": gallery.real[:, None]}
        if faces is not None:
            cosines["generated"] = gallery.compare(faces[gallery.rows])
        figures = [self._accuracy(gallery, cosines[kind], kind, evidence) for kind in kinds]
        figures += [_identities(gallery, cosines[kind], kind) for kind in kinds]
        # Equal numbers of real and generated faces give scores of equal bias.
        rows = gallery.usable("real")
        rows = rows[torch.stack([cosines[kind][rows].isfinite().all(2).all(1) for kind in kinds]).all(0)]
        figures += [self._score(gallery, cosines[kind], kind, rows, evidence.seed) for kind in kinds]
        return [
            replace(
                figure, key=f"{figure.key}{ending}", label=f"{figure.label}{suffix}", by_judge=not recogniser
            )
            for figure in figures
        ]  # fmt: skip

    def _accuracy(self, gallery: "Gallery", cosines: Tensor, kind: str, evidence: Evidence) -> Figure:
        name, chance = _name("accuracy", kind), 1 / gallery.num_people
        rows = gallery.usable(kind)
        if not len(rows):
            return Figure.missing(*name, _ALONE, chance=chance)
        is_detected = cosines[rows].isfinite().all(2)
        hits = ((cosines[rows].argmax(2) == gallery.own[rows, None]) & is_detected).double().mean(1)
        accuracy = Bootstrap(evidence.person[gallery.rows[rows]], evidence.seed).share(hits)
        num_missed = int((~is_detected).sum())
        misses = f"; {num_missed} faces are not detected, and count as misses" if num_missed else ""
        note, better = f"{gallery.num_people} people{misses}", _BETTER.get(kind)
        return Figure.of(*name, accuracy, chance, note, better=better)

    def _score(self, gallery: "Gallery", cosines: Tensor, kind: str, rows: Tensor, seed: int) -> Figure:
        name = _name("score", kind)
        if not len(rows):
            return Figure.missing(*name, _ALONE)
        temperature = calibrated_temperature(gallery.real[rows], gallery.own[rows])
        rows = rows[torch.randperm(len(rows), generator=generator_for(seed, "identity splits"))]
        num_splits = min(max(len(rows) // gallery.num_people, 1), self.num_splits)
        scores = torch.stack([
            score_of((noise / temperature).softmax(1))
            for split in rows.tensor_split(num_splits)
            for noise in cosines[split].unbind(1)
        ])  # fmt: skip
        faces = f"{len(rows) // num_splits} faces a split, {gallery.num_people} people"
        note = f"{num_splits} splits, {faces}" if num_splits > 1 else faces.replace(" a split", "")
        deviation = float(scores.std(correction=0)) if len(scores) > 1 else None
        value, better = float(scores.mean()), _BETTER.get(kind)
        num_people = gallery.num_people
        return Figure(
            *name, value, chance=1.0, note=note, deviation=deviation, better=better, num_people=num_people
        )  # fmt: skip


def _name(key: str, kind: str) -> tuple[str, str]:
    """Return key and label."""
    return f"{key}.{kind}", f"{_LABELS[key]}, {kind}"


def _identities(gallery: "Gallery", cosines: Tensor, kind: str) -> Figure:
    name, rows = _name("identities", kind), gallery.usable(kind)
    if not len(rows):
        return Figure.missing(*name, _ALONE)
    one = cosines[rows, torch.arange(len(rows)) % cosines.shape[1]]
    one = one[one.isfinite().all(1)]
    note = f"of {gallery.num_people} people, {len(one)} faces"
    return Figure(*name, float(len(one.argmax(1).unique())), note=note, better=_BETTER.get(kind))


@dataclass(frozen=True)
class Gallery:
    """Prototypes of people, and cosines of real faces with them.

    Attributes:
        rows: (M,) rows of the evidence whose people are in the gallery.
        own: (M,) index of each row's person in the prototypes.
        prototypes: (P, e) unit vectors.
        real: (M, P) cosines of the real faces; in the own column with the person's other faces, NaN if there are none.
    """

    rows: Tensor
    own: Tensor
    prototypes: Tensor
    real: Tensor

    @property
    def num_people(self) -> int:
        """Number of people, P."""
        return len(self.prototypes)

    def compare(self, faces: Tensor) -> Tensor:
        """Compute cosines: (M, Z, e) -> (M, Z, P)."""
        return functional.normalize(faces.double(), dim=-1) @ self.prototypes.T

    def usable(self, kind: str) -> Tensor:
        """Return indices of usable rows; a real face is usable if its person has another one."""
        everyone = torch.arange(len(self.rows))
        return everyone[self.real.isfinite().all(1)] if kind == "real" else everyone

    @classmethod
    def of(cls, evidence: Evidence, max_people: int) -> "Gallery":
        """Build the gallery of at most `max_people` people."""
        people, of = evidence.person.unique(return_inverse=True)
        if len(people) > max_people:
            chosen = torch.randperm(len(people), generator=generator_for(evidence.seed, "identity"))[:max_people]
            rows = torch.isin(of, chosen).nonzero()[:, 0]
            of = of[rows].unique(return_inverse=True)[1]
        else:
            rows = torch.arange(len(of))
        faces = functional.normalize(evidence.real[rows].double(), dim=-1)
        sums = torch.zeros(int(of.max()) + 1, faces.shape[1], dtype=torch.float64).index_add_(0, of, faces)
        # Of people with several rows, the second face may be one of the rows.
        alone = torch.bincount(of)[of] == 1
        if evidence.real_other is not None:
            other = functional.normalize(evidence.real_other[rows].double(), dim=-1)
            spare = alone & other.isfinite().all(1)
            sums.index_add_(0, of[spare], other[spare])
            alone = alone & ~spare
        prototypes = functional.normalize(sums, dim=-1)
        cosines = faces @ prototypes.T
        others = functional.normalize(sums[of] - faces, dim=-1)
        own = (faces * others).sum(1).masked_fill(alone, math.nan)
        return cls(rows, of, prototypes, cosines.scatter(1, of[:, None], own[:, None]))


def score_of(probabilities: Tensor) -> Tensor:
    """Compute exp E KL(p(y | x) || p(y)) of (N, P) rows that sum to 1."""
    marginal = probabilities.mean(0)
    divergence = torch.xlogy(probabilities, probabilities).sum(1).mean() - torch.xlogy(marginal, marginal).sum()
    return divergence.clamp(min=0).exp()


def calibrated_temperature(cosines: Tensor, own: Tensor) -> float:
    """Find the temperature, from 0.001 to 3.2, that maximises the likelihood of the own column of (N, P) cosines."""
    losses = [functional.cross_entropy(cosines / float(temperature), own) for temperature in _TEMPERATURES]
    return float(_TEMPERATURES[torch.stack(losses).argmin()])
