"""Whether a judge takes the generated face or the true one for the face of the voice."""

import math

import torch
from torch import Tensor

from facegen.core.evidence import Evidence, Figure
from facegen.core.interfaces import Metric
from facegen.core.statistics import Bootstrap, compared
from facegen.parts.metrics.views import drawn


class Preference(Metric):
    """Share of generated faces that the judge prefers to the true face, given the condition.

        share = E [ p(G(z, c) | s) > p(f | s) ],   ties count half

    Above one half, generated faces are more like what the judge expects of the condition than true faces are: they
    exaggerate what it tells. That is what an identity term in the loss asks for, and no proof of quality. How often
    the judge finds the condition of a generated face is the metric `matching`. Where other runs drew the same rows, the
    judge also chooses between their faces and this run's.

    Source:
        Choi, Park and Lee 2020, section 4, second quantitative analysis, V-F against the ground truth, and generator
        against generator; there the judge is the run's own match stage.
    """

    def measure(self, evidence: Evidence) -> list[Figure]:
        """The shares over all rows, each with a noise of its own where there are such faces, else over all noises."""
        name = "generated face preferred to the true one, V-F"
        faces = drawn(evidence)
        if faces is None:
            return [Figure(name, math.nan, chance=0.5, note="not available: the run draws no faces")]
        people = Bootstrap(evidence.person, evidence.seed)
        found = people.share(_wins(evidence, faces, evidence.real))
        note = compared(
            found, 0.5, above="above one half: they exaggerate what the condition tells, which is no success"
        )  # fmt: skip
        figures = [Figure.of(name, found, 0.5, note)]
        for rival, theirs in evidence.rivals.items():
            found = people.share(_wins(evidence, faces, theirs))
            title = f"generated face preferred to that of {rival}, V-F"
            figures.append(Figure.of(title, found, 0.5, better="higher"))
        return figures


def _wins(evidence: Evidence, faces: Tensor, others: Tensor) -> Tensor:
    """(N,) how often (N, Z, e) suit the condition better than (N, e); ties count half."""
    wins = []
    for one in faces.unbind(1):
        pair = torch.stack([one, others], dim=1)
        own, other = evidence.logits(evidence.encodings, pair, "v2f").unbind(1)
        wins.append((own > other).double() + 0.5 * (own == other).double())
    return torch.stack(wins).mean(0)
