"""Metric `frechet`: Frechet distance in face features."""

from typing import Annotated, ClassVar

from pydantic import Field

from facegen.core.evidence import Evidence, Figure, key_part
from facegen.core.interfaces import Metric
from facegen.parts.metrics.halves import frechet_figures
from facegen.parts.metrics.views import face_views


class Frechet(Metric):
    """Frechet distance between real and generated faces, in the judge's face features and in each recogniser's.

        d^2 = |m_r - m_g|^2 + tr C_r + tr C_g - 2 tr (C_r C_g)^(1/2)

    This is not the FID: features and their scale are the judge's, so that values of different judges are not
    comparable. The reference is the distance between two halves of the real people, which is above 0 because samples
    are finite. The distance of the generated faces of one half to the real faces of the other has the same sample size.

    Settings:
        num_redraws: number of random splits of the people into halves; the distances are averaged.
    Source:
        Heusel et al. 2017, equation 6. Features and halves are ours.
    """

    reads: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, *, num_redraws: Annotated[int, Field(ge=1)] = 5) -> None:
        self.num_redraws = num_redraws

    def measure(self, evidence: Evidence) -> list[Figure]:
        """Compute real against generated, whole and by halves, and real against real by halves."""
        figures = []
        for view in face_views(evidence):
            key, label = key_part(view.name), f"{view.name} Frechet distance"
            figures += view.figures(frechet_figures(key, label, view, evidence.seed, self.num_redraws))
        return figures
