"""Metric `preference`: share of generated faces that the judge prefers to true ones."""

import torch
from torch import Tensor

from facegen.core.evidence import Evidence, Figure, key_part
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
        """Compute the shares over all rows, with faces under their own noise if there are any, else over all noises."""
        key, label = "over_true", "generated face preferred to the true one, V-F"
        faces = drawn(evidence)
        if faces is None:
            return [Figure.missing(key, label, "the run draws no faces", chance=0.5)]
        people = Bootstrap(evidence.person, evidence.seed)
        found = people.share(_wins(evidence, faces, evidence.real))
        note = compared(
            found, 0.5, above="above one half: they exaggerate what the condition tells, which is no success"
        )  # fmt: skip
        figures = [Figure.of(key, label, found, 0.5, note)]
        for baseline, theirs in evidence.baselines.items():
            found = people.share(_wins(evidence, faces, theirs))
            key, label = f"over.{key_part(baseline)}", f"generated face preferred to that of {baseline}, V-F"
            figures.append(Figure.of(key, label, found, 0.5, better="higher"))
        return figures


def _wins(evidence: Evidence, faces: Tensor, others: Tensor) -> Tensor:
    """Compute (N,) the share of (N, Z, e) that the judge prefers to (N, e); ties count half."""
    wins = []
    for one in faces.unbind(1):
        pair = torch.stack([one, others], dim=1)
        own, other = evidence.logits(evidence.encodings, pair, "v2f").unbind(1)
        wins.append((own > other).double() + 0.5 * (own == other).double())
    return torch.stack(wins).mean(0)
