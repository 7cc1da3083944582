"""The judge's Frechet distance: compared faces and the scale of halves."""

from dataclasses import replace

import pytest
import torch

from facegen.core.statistics import frechet_distance
from facegen.parts.metrics.frechet import Frechet
from facegen.parts.metrics.halves import split_people
from facegen.testing.samples import sample_evidence


def test_distance_uses_one_generated_face_per_row() -> None:
    evidence = sample_evidence(60, num_noises=2)
    assert evidence.fake is not None
    fake = torch.stack([evidence.fake[row, row % 2] for row in range(60)])
    figure = Frechet().measure(evidence)[0]
    assert figure.key == "judge.distance"
    assert figure.value == pytest.approx(frechet_distance(evidence.real, fake))
    assert figure.note == "60 against 60 faces, 8 features"


def test_equal_distributions_have_the_distance_of_halves() -> None:
    evidence = sample_evidence(400)
    random = torch.Generator().manual_seed(1)
    real, fake = torch.randn(400, 8, generator=random), torch.randn(400, 2, 8, generator=random)
    whole, across, halves = Frechet(num_redraws=20).measure(replace(evidence, real=real, fake=fake))
    assert across.value == pytest.approx(halves.value, rel=0.3)
    assert whole.value < halves.value
    far = Frechet().measure(replace(evidence, real=real, fake=fake + 1.0))
    assert far[0].value == pytest.approx(8, rel=0.1)
    assert far[1].value > 20 * far[2].value


def test_halves_split_people() -> None:
    """Each person has two equal rows, which halves by rows would share."""
    evidence = sample_evidence(40)
    doubled = replace(evidence, person=torch.arange(40) // 2, fake=None)
    halves = split_people(doubled.person, seed=0, num_redraws=5)
    assert len(halves) == 5
    for first, second in halves:
        assert set(doubled.person[first].tolist()).isdisjoint(doubled.person[second].tolist())
        assert len(first) + len(second) == 40
    assert [figure.key for figure in Frechet().measure(doubled)] == ["judge.real_halves"]


def test_too_few_faces_or_people_are_reported() -> None:
    assert "biased upwards" in Frechet().measure(sample_evidence(8))[0].note
    lonely = replace(sample_evidence(40), person=torch.zeros(40, dtype=torch.int64))
    assert Frechet().measure(lonely)[-1].note.startswith("not available: ")
