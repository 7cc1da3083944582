"""Metric `sharpness`: fine detail of generated faces."""

import torch
from torch import Tensor
from torch.nn import functional

from facegen.core.evidence import Evidence, Figure
from facegen.core.interfaces import Metric
from facegen.core.statistics import Bootstrap
from facegen.parts.metrics.views import one_a_row

LUMA = (0.299, 0.587, 0.114)
LAPLACIAN = ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0))
CHUNK_ROWS = 256


class Sharpness(Metric):
    """Fine detail of generated faces, as a share of that of real faces.

        s = E mean_xy (laplacian luma(G(z, c)))^2 / E mean_xy (laplacian luma(f))^2

    1 is as much detail as real faces have, less is blur, more is noise. It does not ask whether the detail makes sense.
    Of each row one face is seen, under a noise of its own where there is such.

    Source:
        The energy of the Laplacian is a common measure of focus (Subbarao, Choi and Nikzad 1993); the ratio is ours.
    """

    def measure(self, evidence: Evidence) -> list[Figure]:
        """Compute the ratio with its interval."""
        key, label = "detail", "detail, share of real faces'"
        if evidence.fake_faces is None:
            return [Figure.missing(key, label, "the run draws no faces", by_judge=False)]
        people = Bootstrap(evidence.person, evidence.seed)
        drawn = one_a_row(evidence.fake_faces, evidence.fresh_faces)
        fake, real = (
            people.sums(torch.cat([detail(part) for part in faces.split(CHUNK_ROWS)]))
            for faces in (drawn, evidence.real_faces)
        )
        found = people.estimate(lambda weights: (weights @ fake) / (weights @ real))
        return [Figure.of(key, label, found, note="1: as sharp; less: blurred; more: noisy", by_judge=False)]


def detail(faces: Tensor) -> Tensor:
    """Compute the mean squared Laplacian of the luma, in levels of 255: (N, H, W, 3) uint8 -> (N,)."""
    luma = faces.float() @ torch.tensor(LUMA)
    return functional.conv2d(luma[:, None], torch.tensor([[LAPLACIAN]])).square().mean((1, 2, 3))
