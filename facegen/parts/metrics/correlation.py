"""Metric `correlation`: correlation of distances between conditions and between faces."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from facegen.core.evidence import Better, Evidence, Figure, key_part
from facegen.core.interfaces import Metric
from facegen.core.randomness import generator_for
from facegen.core.statistics import Bootstrap, Estimate
from facegen.parts.metrics.negative_sampler import NegativeSampler
from facegen.parts.metrics.views import features_of, generated_embeddings, outside_views


class Correlation(Metric):
    """Pearson correlation between distances of conditions and distances of the faces drawn from them.

        d(a, b) = 1 - cos(a, b),   r = corr[ d(c1, c2), d(F(G(z1, c1)), F(G(z2, c2))) ] over pairs of different people

    Conditions and faces are the judge's encodings and embeddings. The two noises of a pair differ. The correlation of
    real faces is the reference. "Given sex" is the partial correlation: from each distance, the mean over pairs of the
    same two sexes is subtracted, so that sex alone gives 0. Further figures are the mean distances of pairs of the same
    sex and of different sexes. The correlations are also computed with each recogniser's face features in place of the
    judge's, and with the features of a recogniser of voices in place of the judge's encodings.

    Settings:
        num_pairs: number of random pairs.
    Source:
        Choi, Park and Lee 2020, section 4, first quantitative analysis. The partial correlation, real faces and the
        intervals (people resampled) are ours.
    """

    def __init__(self, *, num_pairs: Annotated[int, Field(ge=1000)] = 2000) -> None:
        self.num_pairs = num_pairs

    def measure(self, evidence: Evidence) -> list[Figure]:
        """Compute correlations of real and generated faces, plain and given sex, and mean distances by sex."""
        figures = self._figures(evidence)
        for ending, suffix, view, by_judge in _outside(evidence):
            figures += [
                replace(figure, key=f"{figure.key}{ending}", label=f"{figure.label}{suffix}", by_judge=by_judge)
                for figure in self._figures(view)
                if not figure.key.startswith("distance.")
            ]
        return figures

    def _figures(self, evidence: Evidence) -> list[Figure]:
        faces = {"real": evidence.real[:, None]}
        fake = generated_embeddings(evidence)
        if fake is not None:
            faces["generated"] = fake
        labels = {kind: f"correlation of condition and face distances, {kind}" for kind in faces}
        if len(evidence.person.unique()) < 3:
            return [Figure.missing(kind, label, "fewer than three people") for kind, label in labels.items()]
        pairs = Pairs(evidence, self.num_pairs)
        conditions = pairs.distance(evidence.encodings[:, None])
        distances = {kind: pairs.distance(values) for kind, values in faces.items()}
        figures = []
        for kind, label in labels.items():
            better: Better | None = "higher" if kind == "generated" else None
            distance = distances[kind]
            figures.append(_figure(kind, label, pairs.correlation(conditions, distance), better))
            partial = pairs.correlation(conditions, distance, pairs.sexes) if pairs.knows_sex else None
            figures.append(_figure(f"{kind}.given_sex", f"{label}, given sex", partial, better))
        for kind, distance in {"condition": conditions, **distances}.items():
            label = "condition distance" if kind == "condition" else f"{kind} face distance"
            for sexes, chosen in (("same sex", pairs.same_sex), ("different sexes", pairs.different_sexes)):
                mean = pairs.mean(distance, chosen) if bool(chosen.any()) else None
                figures.append(_figure(f"distance.{kind}.{key_part(sexes)}", f"{label}, {sexes}", mean))
        return figures


def _outside(evidence: Evidence) -> Iterator[tuple[str, str, Evidence, bool]]:
    """Yield the evidence in the features of each recogniser, for rows in which it detects every face.

    Each recogniser of faces is combined with the judge's encodings, and with those of each recogniser of voices.

    Yields:
        suffixes of key and label, the evidence, and whether its encodings are the judge's.
    """
    for name, view in outside_views(evidence):
        ending, suffix = features_of(name)
        encodings_of = {(ending, suffix): view.encodings}
        for voices, recognised in view.recognised.items():
            if recognised.speech is not None:
                pair = (f".{key_part(voices)}_and_{key_part(name)}", f", {voices} and {name} features")
                encodings_of[pair] = recognised.speech
        for (key, label), encodings in encodings_of.items():
            detected = encodings.isfinite().all(1)
            if view.fake is not None:
                detected &= view.fake.isfinite().all(2).all(1)
            rows = replace(
                view, person=view.person[detected], encodings=encodings[detected], real=view.real[detected],
                attributes={column: values[detected] for column, values in view.attributes.items()},
                fake=None if view.fake is None else view.fake[detected],
            )  # fmt: skip
            yield key, label, rows, key == ending


class Pairs:
    """Pairs of rows of different people, and bootstrap statistics of them.

    The weight of a pair is the product of its people's weights.

    Args:
        evidence: supplies rows, people and sexes; at least two people.
        num: number of pairs.
    """

    def __init__(self, evidence: Evidence, num: int) -> None:
        generator = generator_for(evidence.seed, "pairs")
        first = torch.randint(len(evidence.person), (num,), generator=generator)
        second = NegativeSampler(evidence.person).draw(first, 1, generator)[:, 0]
        self._rows, self._generator = torch.stack([first, second]), generator
        self._people = Bootstrap(evidence.person, evidence.seed)
        sex = evidence.attributes.get("sex", torch.full_like(evidence.person, -1))[self._rows]
        known = (sex >= 0).all(0)
        low, high = sex.amin(0), sex.amax(0)
        self.sexes = torch.where(known, low * (int(sex.max()) + 1) + high, -1)
        """(num,) number of the pair's combination of sexes; -1 if one of them is unknown."""
        self.same_sex, self.different_sexes = known & (low == high), known & (low != high)
        self.knows_sex = bool(known.any())

    def distance(self, values: Tensor) -> Tensor:
        """Compute (N, Z, d) -> (num,) distances, under different noises if there are several."""
        rows, num_noises = self._rows, values.shape[1]
        noise = torch.randint(num_noises, rows.shape[1:], generator=self._generator)
        step = torch.randint(1, max(num_noises, 2), rows.shape[1:], generator=self._generator)
        one, other = values[rows[0], noise], values[rows[1], (noise + step) % num_noises]
        return 1 - functional.cosine_similarity(one.double(), other.double(), dim=1)

    def correlation(self, one: Tensor, other: Tensor, groups: Tensor | None = None) -> Estimate:
        """Estimate the Pearson correlation of (num,) values; within groups if given, without pairs of group -1."""
        groups = torch.zeros_like(self.sexes) if groups is None else groups
        names = groups[groups >= 0].unique()
        member = (groups[:, None] == names).double()
        products = torch.stack([torch.ones_like(one), one, other, one * one, other * other, one * other], dim=1)
        # Sums over pairs, of each group and each product at once: (num, groups x 6).
        sums = (member[:, :, None] * products[:, None]).flatten(1)

        def statistic(weights: Tensor) -> Tensor:
            weighted = (self._pair_weights(weights) @ sums).unflatten(1, (len(names), 6))
            num, x, y, xx, yy, xy = weighted.unbind(2)
            num = num.clamp(min=1)  # the sums of a group that was not drawn are 0
            covariance = (xy - x * y / num).sum(1)
            return covariance / ((xx - x * x / num).sum(1) * (yy - y * y / num).sum(1)).clamp(min=0).sqrt()

        # Rounding errors give constants a variance of about the square of the machine's precision.
        if min(_spread_within(values, member) for values in (one, other)) < 1e-12:
            return Estimate(math.nan, None, None)
        return self._people.estimate(statistic)

    def mean(self, values: Tensor, chosen: Tensor) -> Estimate:
        """Estimate the mean of (num,) values over the chosen pairs."""
        sums = torch.stack([chosen.double(), values * chosen], dim=1)

        def statistic(weights: Tensor) -> Tensor:
            num, total = (self._pair_weights(weights) @ sums).unbind(1)
            return total / num

        return self._people.estimate(statistic)

    def _pair_weights(self, weights: Tensor) -> Tensor:
        first, second = self._people.of[self._rows]
        return weights[:, first] * weights[:, second]


def _spread_within(values: Tensor, member: Tensor) -> float:
    """Return the largest standard deviation of values within a group."""
    means = (values @ member) / member.sum(0)
    return float((((values[:, None] - means) ** 2 * member).sum(0) / member.sum(0)).max().sqrt())


def _figure(key: str, label: str, estimate: Estimate | None, better: Better | None = None) -> Figure:
    if estimate is None:
        return Figure.missing(key, label, "no sex labels")
    if not math.isfinite(estimate.value):
        return Figure.missing(key, label, "all distances are equal")
    return Figure.of(key, label, estimate, better=better)
