"""Whether a judge takes the generated face or the true one for the face of the voice."""

import math

import torch

from facegen.core.evidence import Evidence, Figure
from facegen.core.interfaces import Metric
from facegen.core.statistics import Bootstrap
from facegen.parts.metrics.views import drawn


class Preference(Metric):
    """Share of generated faces that the judge prefers to the true face, given the condition.

        share = E [ p(G(z, c) | s) > p(f | s) ],   ties count half

    Above one half, generated faces are more like what the judge expects of the condition than true faces are: they
    exaggerate what it tells. That is what an identity term in the loss asks for, and no proof of quality. How often
    the judge finds the condition of a generated face is the metric `matching`.

    Source:
        Choi, Park and Lee 2020, section 4, second quantitative analysis, V-F against the ground truth; there the
        judge is the run's own match stage.
    """

    def measure(self, evidence: Evidence) -> list[Figure]:
        """The share over all rows, each with a noise of its own where there are such faces, else over all noises."""
        name = "generated face preferred to the true one, V-F"
        faces = drawn(evidence)
        if faces is None:
            return [Figure(name, math.nan, chance=0.5, note="not available: the run draws no faces")]
        wins = []
        for noise in faces.unbind(1):
            candidates = torch.stack([noise, evidence.real], dim=1)
            fake, real = evidence.logits(evidence.encodings, candidates, "v2f").unbind(1)
            wins.append((fake > real).double() + 0.5 * (fake == real).double())
        found = Bootstrap(evidence.person, evidence.seed).share(torch.stack(wins).mean(0))
        above = found.low is not None and found.low > 0.5
        note = "above one half: they exaggerate what the condition tells, which is no success" if above else ""
        return [Figure(name, found.value, found.low, found.high, 0.5, note)]
