"""Density and coverage against brute force, and on known sets."""

import pytest
import torch

from facegen.parts.metrics import neighbourhoods as module
from facegen.parts.metrics.neighbourhoods import neighbourhoods


@pytest.mark.parametrize("chunk_rows", [1024, 7])
def test_density_and_coverage_agree_with_brute_force(chunk_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHUNK_ROWS", chunk_rows)
    random, k = torch.Generator().manual_seed(0), 5
    real, fake = torch.randn(30, 3, generator=random), 0.8 * torch.randn(25, 3, generator=random) + 1.2
    around, holds = neighbourhoods(real, fake, k)
    reaches = []
    for i in range(30):
        others = sorted(float((real[i] - real[j]).norm()) for j in range(30) if j != i)
        reaches.append(others[k - 1])
    inside = [[float((y - x).norm()) < reach for x, reach in zip(real, reaches, strict=True)] for y in fake]
    assert around.tolist() == [sum(row) for row in inside]
    assert holds.tolist() == [any(row[i] for row in inside) for i in range(30)]
    assert 0 < int(holds.sum()) < 30


def test_equal_distributions_have_density_one_and_expected_coverage() -> None:
    random, k = torch.Generator().manual_seed(1), 5
    real, fake = torch.randn(2000, 4, generator=random), torch.randn(2000, 4, generator=random)
    around, holds = neighbourhoods(real, fake, k)
    assert float(around.double().mean()) / k == pytest.approx(1, abs=0.1)
    assert float(holds.double().mean()) == pytest.approx(1 - 2**-k, abs=0.01)


def test_collapsed_generator_has_low_coverage() -> None:
    real = torch.randn(200, 4, generator=torch.Generator().manual_seed(2))
    around, holds = neighbourhoods(real, real[:1].expand(200, -1) + 1e-3, 5)
    # All faces lie among the real ones, around one of them.
    assert bool((around > 0).all()) and float(holds.double().mean()) < 0.1


def test_copies_of_one_face_have_radius_zero() -> None:
    real = torch.zeros(10, 4)
    around, holds = neighbourhoods(real, torch.ones(10, 4), 5)
    assert not around.any() and not holds.any()
