"""Metric `preference`: share of generated faces that the judge prefers to true ones."""

import torch
from torch import Tensor

from facegen.core.evidence import Evidence, Figure, key_part
from facegen.core.interfaces import Metric
from facegen.core.statistics import Bootstrap, compared
from facegen.parts.metrics.views import generated_embeddings


class Preference(Metric):
    """Share of generated faces that the judge prefers to the true face, given the condition.

        share = E [ p(G(z, c) | s) > p(f | s) ],   ties count half

    Above one half, generated faces match the condition better than true faces do: they exaggerate what the condition
    reveals. A loss with an identity term rewards this; it is not a measure of quality. The metric `matching` measures
    how often the judge matches a generated face to its condition. With baselines, the judge also compares the run's
    faces with the baselines' faces of the same rows.

    Source:
        Choi, Park and Lee 2020, section 4, second quantitative analysis, V-F against the ground truth, and generator
        against generator; there the judge is the run's own match stage.
    """

    def measure(self, evidence: Evidence) -> list[Figure]:
        """Compute the shares over all rows, with faces under the rows' own noises, or else over the shared noises."""
        key, label = "over_true", "generated face preferred to the true one, V-F"
        faces = generated_embeddings(evidence)
        if faces is None:
            return [Figure.missing(key, label, "the run draws no faces", chance=0.5)]
        people = Bootstrap(evidence.person, evidence.seed)
        share = people.share(_wins(evidence, faces, evidence.real))
        note = compared(share, 0.5, above="above one half: the faces exaggerate what the condition reveals")
        figures = [Figure.of(key, label, share, 0.5, note)]
        for baseline, baseline_faces in evidence.baselines.items():
            share = people.share(_wins(evidence, faces, baseline_faces))
            key, label = f"over.{key_part(baseline)}", f"generated face preferred to that of {baseline}, V-F"
            figures.append(Figure.of(key, label, share, 0.5, better="higher"))
        return figures


def _wins(evidence: Evidence, faces: Tensor, others: Tensor) -> Tensor:
    """Compute the (N,) share of faces (N, Z, e) that the judge prefers to others (N, e); ties count half."""
    wins = []
    for faces_of_noise in faces.unbind(1):
        pair = torch.stack([faces_of_noise, others], dim=1)
        own, other = evidence.logits(evidence.encodings, pair, "v2f").unbind(1)
        wins.append((own > other).double() + 0.5 * (own == other).double())
    return torch.stack(wins).mean(0)
