"""Metric `memorisation`: share of generated faces that repeat training faces."""

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from facegen.core.evidence import Evidence, Figure
from facegen.core.interfaces import Metric
from facegen.core.statistics import Bootstrap, with_wilson
from facegen.parts.metrics.nearest import nearest
from facegen.parts.metrics.views import drawn

_SHARE = "memorised share of generated faces"
_DISTANCE = "distance to the nearest training face"
_CHUNK_WEIGHTS = 1 << 22


class Memorisation(Metric):
    """Share of generated faces that are closer to a training face than most real faces are.

        d(x) = min over training faces t of 1 - cos(F(x), F(t))
        share = P [ d(G(z, c)) < q ],   q = the (1 - percent / 100) quantile of d(f) over held-out real faces f

    Faces that are drawn anew are no nearer to the training faces than other real faces are, and the share is about
    1 - percent / 100. Repeated training faces have d = 0. Between the two stands a generator of typical faces, whose
    neighbours are many in any set: look at the nearest faces before anybody is accused. F are the judge's face
    features, and the training faces are those of the evidence, which need not be all.

    Settings:
        percent: of held-out real faces lie farther from the training faces than what counts as memorised.
    Source:
        Ours; nearest training faces as a picture are customary since Goodfellow et al. 2014.
    """

    def __init__(self, *, percent: Annotated[float, Field(ge=50, lt=100)] = 95.0) -> None:
        self.percent = percent

    def measure(self, evidence: Evidence) -> list[Figure]:
        """Compute the share with its interval (people and quantile resampled), and both mean distances."""
        tail = 1 - self.percent / 100
        least = math.ceil(1 / tail - 1e-9)
        reason = _why_not(evidence, least)
        training, fake = evidence.training, drawn(evidence)
        if reason or training is None or fake is None:
            return [Figure.missing("share", _SHARE, reason, chance=tail)]
        people = Bootstrap(evidence.person, evidence.seed)
        real = nearest(evidence.real, training.embeddings)[0]
        made = nearest(fake, training.embeddings)[0]
        share = with_wilson(people.estimate(_Share(people.of, real, made, tail)))
        note = f"nearer to one of {len(training.embeddings)} training faces than {self.percent:g}% of real ones are"
        means = {"generated": people.mean(made.mean(1)), "real": people.mean(real)}
        return [
            Figure.of("share", _SHARE, share, tail, note, better="lower"),
            *(Figure.of(f"distance.{kind}", f"{_DISTANCE}, {kind}", mean) for kind, mean in means.items()),
        ]


def _why_not(evidence: Evidence, least: int) -> str:
    if evidence.fake is None:
        return "the run draws no faces"
    if evidence.training is None or not len(evidence.training.embeddings):
        return evidence.no_training
    if evidence.holds_training_faces:
        return f"real faces of '{evidence.split}' are training faces themselves; ask a held-out split"
    if len(evidence.real) < least:
        return f"{len(evidence.real)} real faces; such a quantile needs {least}"
    return ""


class _Share:
    """Share as a statistic of weights of people: (R, people) -> (R,).

    Args:
        of: (N,) whose row it is.
        real: (N,) distances of real faces.
        drawn: (N, Z) of generated ones.
        tail: which quantile of the real ones is the bound.
    """

    def __init__(self, of: Tensor, real: Tensor, drawn: Tensor, tail: float) -> None:
        self._real, order = real.sort()
        self._real_of = of[order]
        self._drawn, order = drawn.flatten().sort()
        self._drawn_of = of.repeat_interleave(drawn.shape[1])[order]
        self._tail = tail

    def __call__(self, weights: Tensor) -> Tensor:
        rows = max(1, _CHUNK_WEIGHTS // len(self._drawn))
        return torch.cat([self._some(chunk) for chunk in weights.split(rows)])

    def _some(self, weights: Tensor) -> Tensor:
        before = weights[:, self._real_of].cumsum(1)
        # Rounding must not move the quantile past a face that just reaches it.
        wanted = self._tail * before[:, -1:] * (1 - 1e-9)
        bound = self._real[torch.searchsorted(before, wanted).squeeze(1).clamp(max=len(self._real) - 1)]
        nearer = torch.searchsorted(self._drawn, bound)
        total = weights[:, self._drawn_of].cumsum(1)
        counted = torch.cat([torch.zeros_like(total[:, :1]), total], dim=1)
        return counted.gather(1, nearer[:, None])[:, 0] / total[:, -1]
