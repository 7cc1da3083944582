"""Sharpness: 1 for real faces themselves, and known values for known pictures."""

from dataclasses import replace

import pytest
import torch
from scipy import ndimage

from facegen.parts.metrics.sharpness import LUMA, Sharpness, detail
from facegen.testing.samples import sample_evidence


def share(faces: torch.Tensor) -> float:
    evidence = sample_evidence()
    shown = replace(evidence, fake_faces=faces[:, None].expand(-1, 3, -1, -1, -1))
    (figure,) = Sharpness().measure(shown)
    return figure.value


def test_detail_agrees_with_scipy() -> None:
    faces = sample_evidence().real_faces[:3]
    expected = []
    for face in faces.double().numpy():
        laplacian = ndimage.laplace(face @ LUMA)[1:-1, 1:-1]
        expected.append((laplacian**2).mean())
    assert detail(faces).tolist() == pytest.approx(expected, rel=1e-5)


def test_detail_of_real_blurred_and_noisy_faces() -> None:
    real = sample_evidence().real_faces
    smooth = torch.nn.functional.avg_pool2d(real.permute(0, 3, 1, 2).float(), 5, 1, 2).permute(0, 2, 3, 1)
    noisy = (smooth + 100 * torch.randn(smooth.shape, generator=torch.manual_seed(0))).clamp(0, 255)
    assert share(real) == pytest.approx(1)
    assert share(smooth.to(torch.uint8)) < 0.5
    assert share(noisy.to(torch.uint8)) > share(smooth.to(torch.uint8))
    assert share(torch.zeros_like(real)) == 0


def test_own_noises_come_before_shared_ones() -> None:
    real = sample_evidence().real_faces
    shared = torch.zeros_like(real)[:, None].expand(-1, 2, -1, -1, -1)
    (figure,) = Sharpness().measure(replace(sample_evidence(), fake_faces=shared, fresh_faces=real))
    assert figure.value == 1


def test_matching_run_has_no_detail() -> None:
    (figure,) = Sharpness().measure(replace(sample_evidence(), fake=None, fake_faces=None))
    assert figure.value != figure.value and "draws no faces" in figure.note
