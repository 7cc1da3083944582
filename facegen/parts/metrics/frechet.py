"""How far the distribution of generated faces lies from that of real ones."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from facegen.core.evidence import Evidence, Figure
from facegen.core.interfaces import Metric
from facegen.core.randomness import generator_for
from facegen.core.statistics import frechet_distance


class Frechet(Metric):
    """Frechet distance between real and generated faces, in the judge's face features.

        d^2 = |m_r - m_g|^2 + tr C_r + tr C_g - 2 tr (C_r C_g)^(1/2)

    It is no FID: the features are the judge's, and their scale with them, so that numbers of different judges do not
    compare. What compares is its size against that between two halves of the real people, which is not 0 because
    samples are finite; the generated faces of one half against the real ones of the other have the same size.

    Settings:
        num_redraws: how often people are split into halves; the distances are averaged.
    Source:
        Heusel et al. 2017, equation 6. Features and halves are ours.
    """

    def __init__(self, *, num_redraws: Annotated[int, Field(ge=1)] = 5) -> None:
        self.num_redraws = num_redraws

    def measure(self, evidence: Evidence) -> list[Figure]:
        """Real against generated, whole and by halves, and real against real by halves."""
        real, num = evidence.real, len(evidence.real)
        figures = []
        fake = None
        if evidence.fake is not None:
            # One generated face a row, over all noises in turn: both sides have the same size, hence the same bias.
            fake = evidence.fake[torch.arange(num), torch.arange(num) % evidence.fake.shape[1]]
            distance = frechet_distance(real, fake)
            sizes = _sizes(num, num, real.shape[1])
            figures.append(Figure("judge Frechet distance", distance, note=sizes, better="lower"))
        halves = self._halves(evidence.person, evidence.seed)
        if not halves:
            missing = "not available: one person cannot be split into halves"
            return [*figures, Figure("judge Frechet distance, real halves", float("nan"), note=missing)]
        note = _sizes(len(halves[0][0]), len(halves[0][1]), real.shape[1])
        sides = {"real halves": real} if fake is None else {"generated half to real half": fake, "real halves": real}
        for name, other in sides.items():
            distances = [frechet_distance(real[one], other[two]) for one, two in halves]
            figures.append(Figure(f"judge Frechet distance, {name}", sum(distances) / len(distances), note=note))
        return figures

    def _halves(self, person: Tensor, seed: int) -> list[tuple[Tensor, Tensor]]:
        """Rows of one half of the people, and of the other; as often as they are redrawn."""
        people, of = person.unique(return_inverse=True)
        found = []
        for redraw in range(self.num_redraws):
            order = torch.randperm(len(people), generator=generator_for(seed, "halves", redraw))
            first = (order < len(people) // 2)[of]
            found.append((torch.nonzero(first)[:, 0], torch.nonzero(~first)[:, 0]))
        return [] if len(people) < 4 else found


def _sizes(num: int, other: int, dim: int) -> str:
    few = "" if min(num, other) > dim else "; fewer faces than features, so the distance is biased upwards"
    return f"{num} against {other} faces, {dim} features{few}"
