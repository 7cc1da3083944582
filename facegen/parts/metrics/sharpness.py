"""Metric `sharpness`: fine detail of generated faces."""

import torch
from torch import Tensor
from torch.nn import functional

from facegen.core.evidence import Evidence, Figure
from facegen.core.interfaces import Metric
from facegen.core.statistics import Bootstrap
from facegen.parts.metrics.views import one_per_row

LUMA = (0.299, 0.587, 0.114)
LAPLACIAN = ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0))
CHUNK_ROWS = 256


class Sharpness(Metric):
    """Fine detail of generated faces, as a share of that of real faces.

        s = E mean_xy (laplacian luma(G(z, c)))^2 / E mean_xy (laplacian luma(f))^2

    1 means as much detail as in real faces, lower values blur, higher values noise. The metric does not measure whether
    the detail is plausible. It uses one generated face per row, under the row's own noise if there is one.

    Source:
        The energy of the Laplacian is a common measure of focus (Subbarao, Choi and Nikzad 1993); the ratio is ours.
    """

    def measure(self, evidence: Evidence) -> list[Figure]:
        """Compute the ratio with its interval."""
        key, label = "detail", "detail, share of real faces'"
        if evidence.fake_faces is None:
            return [Figure.missing(key, label, "the run draws no faces", by_judge=False)]
        people = Bootstrap(evidence.person, evidence.seed)
        drawn = one_per_row(evidence.fake_faces, evidence.fresh_faces)
        fake, real = (
            people.sums(torch.cat([detail(part) for part in faces.split(CHUNK_ROWS)]))
            for faces in (drawn, evidence.real_faces)
        )
        ratio = people.estimate(lambda weights: (weights @ fake) / (weights @ real))
        return [Figure.of(key, label, ratio, note="1: as sharp; less: blurred; more: noisy", by_judge=False)]


def detail(faces: Tensor) -> Tensor:
    """Compute the mean squared Laplacian of the luma, in levels of 255: (N, H, W, 3) uint8 -> (N,)."""
    luma = faces.float() @ torch.tensor(LUMA)
    return functional.conv2d(luma[:, None], torch.tensor([[LAPLACIAN]])).square().mean((1, 2, 3))
