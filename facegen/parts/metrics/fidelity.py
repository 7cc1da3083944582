"""Metric `fidelity`: Inception Score, FID, KID, precision, recall, density and coverage."""

import math
import os
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
from facegen.parts.metrics.inception_weights import find_weights, named_weights
from facegen.parts.metrics.neighbourhoods import neighbourhoods
from facegen.parts.metrics.published_extractors import VARIABLE, extractor_path, find_extractor
from facegen.parts.metrics.views import View, face_views, one_per_row
from facegen.parts.metrics.weight_files import NoWeightsError

_CACHE = "inception"


class Fidelity(Metric):
    """Inception Score, FID, KID, precision, recall, density and coverage of one generated face per row.

        IS   exp E KL(p(y|x) || p(y))
        FID  |m_r - m_g|^2 + tr C_r + tr C_g - 2 tr (C_r C_g)^(1/2)
        KID  E k(x, x') + E k(y, y') - 2 E k(x, y),   k(x, y) = (x . y / d + 1)^3, unbiased
        precision  share of generated faces in the ball of a real face
        recall     share of real faces in the ball of a generated face
        density    mean number of real faces' balls around a generated face, over k
        coverage   share of real faces whose ball contains a generated face

    The ball of a face extends to its k-th nearest neighbour in its own set. In Inception's features, torch-fidelity
    computes the metrics of the literature; without Inception's weights they are not available. In the face features of
    the judge and of each recogniser, labels name the network, because the values are not comparable with published
    ones; the Frechet distance in these features is the metric `frechet`. DINOv2, CLIP and VGG16 are further networks of
    the literature; their figures include a Frechet distance. Real and generated faces are preprocessed in
    the same way: 8 bits, at the run's size, enlarged to 299 pixels by torch-fidelity. Inception's features of real
    faces are cached beside the corpus. Intervals of shares resample the people whose faces are counted, with unchanged
    balls.

    Settings:
        inception_weights: file of torch-fidelity or pytorch-fid, or the same weights as safetensors. By default the
            file named by the environment variable FACEGEN_INCEPTION_WEIGHTS, or else the one in torch's cache, or else
            a download.
        extractors: further networks: dinov2-vit-s-14, dinov2-vit-b-14, dinov2-vit-l-14, clip-vit-b-32 or vgg16, each as
            NAME or NAME=FILE with the file of its weights; by default the file in torch's cache, or else a download.
            The environment variable FACEGEN_EXTRACTORS adds some, separated by commas.
        num_splits: number of splits for the Inception Score.
        num_subsets: number of subsets for KID.
        subset_size: number of faces of each set in a subset, at most half of the set.
        num_neighbours: k.
        num_redraws: number of random splits of the people into halves, for FID's reference distance.
        batch_size: number of faces in a batch for Inception.
    Raises:
        DataError: a file does not exist, or holds other weights, or an extractor is unknown.
    Source:
        Salimans et al. 2016; Heusel et al. 2017; Binkowski et al. 2018; Kynkaanniemi et al. 2019, in Inception's
        features; Naeem et al. 2020. Subsets of at most half of the faces, so that they differ, are ours.
    """

    reads: ClassVar[frozenset[str]] = frozenset()

    def __init__(
        self,
        *,
        inception_weights: Path | None = None,
        extractors: tuple[str, ...] = (),
        num_splits: Annotated[int, Field(ge=1)] = 10,
        num_subsets: Annotated[int, Field(ge=2)] = 100,
        subset_size: Annotated[int, Field(ge=2)] = 1000,
        num_neighbours: Annotated[int, Field(ge=1)] = 5,
        num_redraws: Annotated[int, Field(ge=1)] = 5,
        batch_size: Annotated[int, Field(ge=1)] = 32,
    ) -> None:
        path = named_weights(inception_weights)
        self._inception = None if path is None else Inception(path, batch_size=batch_size)
        added = filter(None, os.environ.get(VARIABLE, "").split(","))
        self._extractors = dict(extractor_path(word) for word in (*extractors, *added))
        self.num_splits, self.num_subsets, self.subset_size = num_splits, num_subsets, subset_size
        self.num_neighbours, self.num_redraws, self.batch_size = num_neighbours, num_redraws, batch_size

    def measure(self, evidence: Evidence) -> list[Figure]:
        """Measure in Inception's features, if its weights are available, in the judge's and in each recogniser's."""
        if evidence.fake is None or evidence.fake_faces is None:
            return [Figure.missing("", "fidelity", "the run draws no faces")]
        fake_faces = one_per_row(evidence.fake_faces, evidence.fresh_faces)
        figures = self._by_inception(evidence, fake_faces)
        for name, path in self._extractors.items():
            figures += self._by_extractor(name, path, evidence, fake_faces)
        for view in face_views(evidence):
            figures += view.figures(self._by_features(view, f", {view.name} features", evidence.seed))
        return figures

    def _by_inception(self, evidence: Evidence, fake_faces: Tensor) -> list[Figure]:
        try:
            inception = self._inception or Inception(find_weights(evidence.observer), batch_size=self.batch_size)
        except NoWeightsError as missing:
            return [Figure.missing("inception", "Inception Score, FID and KID", str(missing), by_judge=False)]
        cache = None if evidence.cache is None else evidence.cache / _CACHE
        real = inception.compute(evidence.real_faces, "real faces", evidence.observer, cache)
        fake = inception.compute(fake_faces, "generated faces", evidence.observer, None)
        view = View("Inception", real[FEATURES], fake[FEATURES], evidence.person)
        pixels = fake_faces.shape[1]
        return view.figures([
            self._score("generated", "Inception Score", fake[LOGITS], pixels, evidence.seed),
            self._score("real", "Inception Score, real faces", real[LOGITS], pixels, evidence.seed),
            *frechet_figures("inception.fid", "FID", view, evidence.seed, self.num_redraws),
            *self._by_features(view, "", evidence.seed),
        ])  # fmt: skip

    def _by_extractor(self, name: str, path: Path | None, evidence: Evidence, fake_faces: Tensor) -> list[Figure]:
        """Measure in the features of a further network; without its weights, the figure gives the reason."""
        key, label = key_part(name), f"Frechet distance, {name} features"
        try:
            extractor = find_extractor(name, path, self.batch_size, evidence.observer)
        except NoWeightsError as missing:
            return [Figure.missing(key, label, str(missing), by_judge=False)]
        cache = None if evidence.cache is None else evidence.cache / _CACHE
        real, fake = (
            extractor.compute(faces, kind, evidence.observer, folder)["features"]
            for faces, kind, folder in (
                (evidence.real_faces, "real faces", cache), (fake_faces, "generated faces", None)
            )
        )  # fmt: skip
        view = View(name, real, fake, evidence.person)
        return view.figures([
            *frechet_figures(f"{key}.frechet", label, view, evidence.seed, self.num_redraws),
            *self._by_features(view, f", {name} features", evidence.seed),
        ])  # fmt: skip

    def _score(self, kind: str, label: str, logits: Tensor, pixels: int, seed: int) -> Figure:
        """Compute the Inception Score; that of a split of n faces is at most n."""
        key = f"inception.score.{kind}"
        num, largest = len(logits), math.ceil(len(logits) / self.num_splits)
        split_size = num // self.num_splits
        if split_size < 2:
            return Figure.missing(key, label, f"{num} faces for {self.num_splits} splits")
        mean, deviation = inception_score(logits, num_splits=self.num_splits, seed=seed)
        bound = f"; cannot exceed {largest}" if largest < logits.shape[1] else ""
        note = f"{self.num_splits} splits of {split_size} faces of {pixels} pixels{bound}"
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
        note = f"{self.num_subsets} subsets of {size} from {view.sizes}; 0 on average for equal distributions"
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
        estimates = [
            people.share((around > 0).double()), people.share((recalled > 0).double()),
            people.mean(around / k), people.share(covered.double()),
        ]  # fmt: skip
        both = precision_recall(fake, view.real, num_neighbours=k)
        estimates[:2] = [_with_value(estimate, value) for estimate, value in zip(estimates[:2], both, strict=True)]
        equal_coverage = _expected_coverage(num, k)
        notes = ["", "", "; 1 for equal distributions", f"; {equal_coverage:.3f} for equal distributions"]
        return [
            Figure.of(*name, estimate, note=f"k = {k}, {view.sizes}{note}", better="higher")
            for name, estimate, note in zip(names, estimates, notes, strict=True)
        ]


def _with_value(estimate: Estimate, value: float) -> Estimate:
    """Combine torch-fidelity's value, which it computes in lower precision with closed balls, with our interval."""
    if estimate.low is None or estimate.high is None:
        return Estimate(value, None, None, estimate.num_people)
    return Estimate(value, min(estimate.low, value), max(estimate.high, value), estimate.num_people)


def _expected_coverage(num: int, k: int) -> float:
    """Compute the expected coverage of two samples of one distribution (Naeem et al. 2020, equation 10)."""
    missed = 1.0
    for i in range(k):
        missed *= (num - 1 - i) / (2 * num - 1 - i)
    return 1 - missed
