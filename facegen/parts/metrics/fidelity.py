"""Metric `fidelity`: Inception Score, FID, KID, precision, recall, density and coverage."""

import math
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field
from torch import Tensor

from facegen.core.evidence import Better, Evidence, Figure, key_part
from facegen.core.interfaces import Metric
from facegen.core.statistics import Bootstrap, Estimate
from facegen.parts.metrics.given_features import inception_score, kernel_distance, precision_recall
from facegen.parts.metrics.halves import frechet_figures
from facegen.parts.metrics.inception import FEATURES, LOGITS, Inception
from facegen.parts.metrics.inception_weights import NoWeightsError, found_weights, named_weights
from facegen.parts.metrics.neighbourhoods import neighbourhoods
from facegen.parts.metrics.views import View, face_views, one_a_row

_CACHE = "inception"


class Fidelity(Metric):
    """Inception Score, FID, KID, precision, recall, density and coverage of one generated face per row.

        IS   exp E KL(p(y|x) || p(y))
        FID  |m_r - m_g|^2 + tr C_r + tr C_g - 2 tr (C_r C_g)^(1/2)
        KID  E k(x, x') + E k(y, y') - 2 E k(x, y),   k(x, y) = (x . y / d + 1)^3, unbiased
        precision  share of generated faces within reach of a real one; recall the other way round
        density    real faces within whose reach a generated one lies, over k; coverage: share of real faces whose
                   reach holds one. A face's reach is its distance to its k-th nearest neighbour among its like.

    In Inception's features, these are the field's, by torch-fidelity; without Inception's weights they are left out.
    In the face features of the judge, and of each recogniser, the same measures have names of their own, as their
    numbers compare with nobody else's; their Frechet distance is the metric `frechet`. Real and generated faces are
    prepared alike: 8 bits, at the run's size, enlarged to 299 pixels by torch-fidelity. Inception's features of real
    faces are kept beside the corpus. Intervals of shares resample the people whose faces are counted, the reaches
    staying as they are.

    Settings:
        inception_weights: torch-fidelity's or pytorch-fid's file, or the same as safetensors. Without it, the
            environment's FACEGEN_INCEPTION_WEIGHTS, then what either of them downloaded before, then a download.
        num_splits: of the Inception Score.
        num_subsets: of KID.
        subset_size: faces of each side in a subset, at most half of those that there are.
        num_neighbours: k.
        num_redraws: how often people are split into halves, for FID's scale.
        batch_size: faces that pass Inception at a time.
    Raises:
        DataError: there is no such file, or it holds other weights.
    Source:
        Salimans et al. 2016; Heusel et al. 2017; Binkowski et al. 2018; Kynkaanniemi et al. 2019, in Inception's
        features; Naeem et al. 2020. That subsets are at most half of the faces, so that they differ, is ours.
    """

    reads: ClassVar[frozenset[str]] = frozenset()

    def __init__(
        self,
        *,
        inception_weights: Path | None = None,
        num_splits: Annotated[int, Field(ge=1)] = 10,
        num_subsets: Annotated[int, Field(ge=2)] = 100,
        subset_size: Annotated[int, Field(ge=2)] = 1000,
        num_neighbours: Annotated[int, Field(ge=1)] = 5,
        num_redraws: Annotated[int, Field(ge=1)] = 5,
        batch_size: Annotated[int, Field(ge=1)] = 32,
    ) -> None:
        path = named_weights(inception_weights)
        self._inception = None if path is None else Inception(path, batch_size=batch_size)
        self.num_splits, self.num_subsets, self.subset_size = num_splits, num_subsets, subset_size
        self.num_neighbours, self.num_redraws, self.batch_size = num_neighbours, num_redraws, batch_size

    def measure(self, evidence: Evidence) -> list[Figure]:
        """Measure in Inception's features, if its weights are available, in the judge's and in each recogniser's."""
        if evidence.fake is None or evidence.fake_faces is None:
            return [Figure.missing("", "fidelity", "the run draws no faces")]
        figures = self._by_inception(evidence, one_a_row(evidence.fake_faces, evidence.fresh_faces))
        for view in face_views(evidence):
            figures += view.figures(self._by_features(view, f", {view.name} features", evidence.seed))
        return figures

    def _by_inception(self, evidence: Evidence, fake_faces: Tensor) -> list[Figure]:
        try:
            inception = self._inception or Inception(found_weights(evidence.observer), batch_size=self.batch_size)
        except NoWeightsError as missing:
            return [Figure.missing("inception", "Inception Score, FID and KID", str(missing), by_judge=False)]
        cache = None if evidence.cache is None else evidence.cache / _CACHE
        real = inception.look(evidence.real_faces, "real faces", evidence.observer, cache)
        fake = inception.look(fake_faces, "generated faces", evidence.observer, None)
        view = View("Inception", real[FEATURES], fake[FEATURES], evidence.person)
        pixels = fake_faces.shape[1]
        return view.figures([
            self._score("generated", "Inception Score", fake[LOGITS], pixels, evidence.seed),
            self._score("real", "Inception Score, real faces", real[LOGITS], pixels, evidence.seed),
            *frechet_figures("inception.fid", "FID", view, evidence.seed, self.num_redraws),
            *self._by_features(view, "", evidence.seed),
        ])  # fmt: skip

    def _score(self, kind: str, label: str, logits: Tensor, pixels: int, seed: int) -> Figure:
        """Compute the Inception Score; that of a split of n faces is at most n."""
        key = f"inception.score.{kind}"
        num, each, most = len(logits), len(logits) // self.num_splits, math.ceil(len(logits) / self.num_splits)
        if each < 2:
            return Figure.missing(key, label, f"{num} faces for {self.num_splits} splits")
        mean, deviation = inception_score(logits, num_splits=self.num_splits, seed=seed)
        few = f"; cannot exceed {most}" if most < logits.shape[1] else ""
        note = f"{self.num_splits} splits of {each} faces of {pixels} pixels{few}"
        better: Better | None = "higher" if kind == "generated" else None
        return Figure(key, label, mean, note=note, deviation=deviation, better=better)

    def _by_features(self, view: View, suffix: str, seed: int) -> list[Figure]:
        """Compute KID, precision, recall, density and coverage in one network's features."""
        if view.fake is None:
            return []
        return [self._kernel_distance(view, suffix, seed), *self._neighbours(view, view.fake, suffix, seed)]

    def _kernel_distance(self, view: View, suffix: str, seed: int) -> Figure:
        key, label = f"{key_part(view.name)}.kid", f"KID{suffix}"
        size = min(self.subset_size, len(view.real) // 2)
        if view.fake is None or size < 2:
            return Figure.missing(key, label, view.sizes)
        mean, deviation = kernel_distance(
            view.fake, view.real, num_subsets=self.num_subsets, subset_size=size, seed=seed
        )
        note = f"{self.num_subsets} subsets of {size} among {view.sizes}; 0 on average for faces that do not differ"
        return Figure(key, label, mean, note=note, deviation=deviation, better="lower")

    def _neighbours(self, view: View, fake: Tensor, suffix: str, seed: int) -> list[Figure]:
        num, k = len(fake), self.num_neighbours
        kinds = ("precision", "recall", "density", "coverage")
        names = [(f"{key_part(view.name)}.{kind}", f"{kind}{suffix}") for kind in kinds]
        if num <= k:
            return [Figure.missing(*name, f"{view.sizes}, and k = {k}") for name in names]
        people = Bootstrap(view.person, seed)
        around, covered = neighbourhoods(view.real, fake, k)
        recalled, _ = neighbourhoods(fake, view.real, k)
        found = [
            people.share((around > 0).double()), people.share((recalled > 0).double()),
            people.mean(around / k), people.share(covered.double()),
        ]  # fmt: skip
        both = precision_recall(fake, view.real, num_neighbours=k)
        found[:2] = [_with_value(mine, value) for mine, value in zip(found[:2], both, strict=True)]
        notes = [""] * 2 + ["; 1 for faces that do not differ", f"; {_like_coverage(num, k):.3f} for such faces"]
        return [
            Figure.of(*name, each, note=f"k = {k}, {view.sizes}{note}", better="higher")
            for name, each, note in zip(names, found, notes, strict=True)
        ]


def _with_value(mine: Estimate, value: float) -> Estimate:
    """Combine torch-fidelity's value with our interval; it uses lower precision and closed balls."""
    if mine.low is None or mine.high is None:
        return Estimate(value, None, None, mine.num_people)
    return Estimate(value, min(mine.low, value), max(mine.high, value), mine.num_people)


def _like_coverage(num: int, k: int) -> float:
    """Compute the expected coverage of two samples of one distribution (Naeem et al. 2020, equation 10)."""
    missed = 1.0
    for i in range(k):
        missed *= (num - 1 - i) / (2 * num - 1 - i)
    return 1 - missed
