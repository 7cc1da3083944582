"""Metric `memorisation`: share of generated faces that repeat training faces."""

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from facegen.core.evidence import Evidence, Figure
from facegen.core.interfaces import Metric
from facegen.core.nearest import nearest
from facegen.core.statistics import Bootstrap, with_wilson
from facegen.parts.metrics.views import generated_embeddings

_SHARE = "memorised share of generated faces"
_DISTANCE = "distance to the nearest training face"
_CHUNK_WEIGHTS = 1 << 22


class Memorisation(Metric):
    """Share of generated faces that are closer to a training face than most real faces are.

        d(x) = min over training faces t of 1 - cos(F(x), F(t))
        share = P [ d(G(z, c)) < q ],   q = the (1 - percent / 100) quantile of d(f) over held-out real faces f

    If generated faces are new, they are as far from the training faces as other real faces are, and the share is about
    1 - percent / 100. Repeated training faces have d = 0. A generator of typical faces, which have near neighbours in
    any set, has a share in between: check the picture of the nearest training faces. F are the judge's face features.
    The training faces are those of the evidence, a sample of the training split.

    Settings:
        percent: percentage of held-out real faces that are farther from the training faces than a memorised face.
    Source:
        Ours; pictures of the nearest training faces are customary since Goodfellow et al. 2014.
    """

    def __init__(self, *, percent: Annotated[float, Field(ge=50, lt=100)] = 95.0) -> None:
        self.percent = percent

    def measure(self, evidence: Evidence) -> list[Figure]:
        """Compute the share with its interval (people and quantile resampled), and both mean distances."""
        tail = 1 - self.percent / 100
        min_faces = math.ceil(1 / tail - 1e-9)
        reason = _obstacle(evidence, min_faces)
        training, fake = evidence.training, generated_embeddings(evidence)
        if reason or training is None or fake is None:
            return [Figure.missing("share", _SHARE, reason, chance=tail)]
        people = Bootstrap(evidence.person, evidence.seed)
        real = nearest(evidence.real, training.embeddings)[0]
        generated = nearest(fake, training.embeddings)[0]
        share = with_wilson(people.estimate(_Share(people.of, real, generated, tail)))
        note = f"nearer to one of {len(training.embeddings)} training faces than {self.percent:g}% of real ones are"
        means = {"generated": people.mean(generated.mean(1)), "real": people.mean(real)}
        return [
            Figure.of("share", _SHARE, share, tail, note, better="lower"),
            *(Figure.of(f"distance.{kind}", f"{_DISTANCE}, {kind}", mean) for kind, mean in means.items()),
        ]


def _obstacle(evidence: Evidence, min_faces: int) -> str:
    """Explain why the share cannot be measured; "" if it can."""
    if evidence.fake is None:
        return "the run draws no faces"
    if evidence.training is None or not len(evidence.training.embeddings):
        return evidence.no_training
    if evidence.holds_training_faces:
        return f"real faces of '{evidence.split}' are training faces themselves; evaluate a held-out split"
    if len(evidence.real) < min_faces:
        return f"{len(evidence.real)} real faces; this quantile needs {min_faces}"
    return ""


class _Share:
    """Share as a statistic of weights of people: (R, people) -> (R,).

    Args:
        of: (N,) index of each row's person.
        real: (N,) distances of the real faces.
        drawn: (N, Z) distances of the generated faces.
        tail: quantile of the real distances that is the bound.
    """

    def __init__(self, of: Tensor, real: Tensor, drawn: Tensor, tail: float) -> None:
        self._real, order = real.sort()
        self._real_of = of[order]
        self._drawn, order = drawn.flatten().sort()
        self._drawn_of = of.repeat_interleave(drawn.shape[1])[order]
        self._tail = tail

    def __call__(self, weights: Tensor) -> Tensor:
        rows = max(1, _CHUNK_WEIGHTS // len(self._drawn))
        return torch.cat([self._of_chunk(chunk) for chunk in weights.split(rows)])

    def _of_chunk(self, weights: Tensor) -> Tensor:
        before = weights[:, self._real_of].cumsum(1)
        # Rounding must not move the quantile past a face that just reaches it.
        quantile = self._tail * before[:, -1:] * (1 - 1e-9)
        bound = self._real[torch.searchsorted(before, quantile).squeeze(1).clamp(max=len(self._real) - 1)]
        nearer = torch.searchsorted(self._drawn, bound)
        total = weights[:, self._drawn_of].cumsum(1)
        counted = torch.cat([torch.zeros_like(total[:, :1]), total], dim=1)
        return counted.gather(1, nearer[:, None])[:, 0] / total[:, -1]
