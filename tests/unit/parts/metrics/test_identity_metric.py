"""Identity: 1 for an oracle, chance for noise, scores of known distributions, and leave-one-out by brute force."""

import math
from dataclasses import replace

import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from torch import Tensor
from torch.nn import functional

from facegen.core.evidence import Evidence, Figure
from facegen.parts.metrics.identity import Gallery, Identity, calibrated_temperature, score_of
from facegen.testing.samples import sample_evidence

PEOPLE, ROWS = 12, 8


def measured(evidence: Evidence, **settings: int) -> dict[str, Figure]:
    return {figure.key: figure for figure in Identity(**settings).measure(evidence)}


def crowd(noise: float = 0.05, seed: int = 0) -> tuple[Evidence, Tensor]:
    """Return evidence of several rows per person whose features lie about orthogonal centres."""
    random = torch.Generator().manual_seed(seed)
    person = torch.arange(PEOPLE).repeat(ROWS)
    centre = torch.eye(PEOPLE, 16)[person]

    def near(*shape: int) -> Tensor:
        return noise * torch.randn(*shape, 16, generator=random)

    evidence = replace(
        sample_evidence(PEOPLE * ROWS, num_noises=3), person=person + 100, real=centre + near(len(person)),
        fake=centre[:, None] + near(len(person), 3), real_other=None,
    )  # fmt: skip
    return evidence, person


def test_true_identities_have_accuracy_one() -> None:
    figures = measured(crowd()[0])
    for kind in ("real", "generated"):
        accuracy = figures[f"accuracy.{kind}"]
        assert (accuracy.value, accuracy.chance, accuracy.note) == (1.0, pytest.approx(1 / PEOPLE), "12 people")
        assert figures[f"identities.{kind}"].value == PEOPLE
        assert figures[f"identities.{kind}"].note == "of 12 people, 96 faces"
    # Splits of 12 faces of 12 people cannot hold them all, which bounds both scores alike.
    assert figures["score.generated"].value == pytest.approx(figures["score.real"].value, rel=0.05)
    assert figures["score.real"].note == "8 splits, 12 faces a split, 12 people"
    whole = measured(crowd()[0], num_splits=1)
    assert whole["score.real"].value == pytest.approx(PEOPLE, rel=0.01)
    assert whole["score.real"].deviation is None


def test_random_faces_score_chance() -> None:
    evidence, person = crowd()
    fake = torch.randn(len(person), 20, 16, generator=torch.Generator().manual_seed(1))
    accuracy = measured(replace(evidence, fake=fake))["accuracy.generated"]
    assert accuracy.value == pytest.approx(1 / PEOPLE, abs=0.03)
    assert accuracy.low is not None and accuracy.high is not None
    assert accuracy.low <= accuracy.value <= accuracy.high < 0.2


def test_one_face_for_all_has_score_one() -> None:
    evidence, person = crowd()
    assert evidence.fake is not None
    figures = measured(replace(evidence, fake=evidence.fake[:1, :1].expand(len(person), 3, -1)))
    assert figures["identities.generated"].value == 1
    assert figures["score.generated"].value == pytest.approx(1)
    assert figures["score.generated"].deviation == pytest.approx(0, abs=1e-9)
    assert figures["accuracy.generated"].value == pytest.approx(1 / PEOPLE)


def test_scores_of_known_distributions() -> None:
    everybody = torch.eye(7, dtype=torch.float64).repeat(5, 1)
    assert float(score_of(everybody)) == pytest.approx(7)
    assert float(score_of(torch.full((9, 7), 1 / 7, dtype=torch.float64))) == pytest.approx(1)
    half = torch.tensor([[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]], dtype=torch.float64)
    assert float(score_of(half)) == pytest.approx(2)
    p = torch.rand(50, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    p /= p.sum(1, keepdim=True)
    divergences = [sum(float(row[k] * (row[k] / p[:, k].mean()).log()) for k in range(6)) for row in p]
    assert float(score_of(p)) == pytest.approx(math.exp(sum(divergences) / 50))


def test_score_of_a_split_uses_its_faces_only() -> None:
    evidence, _ = crowd(noise=0.4)
    gallery = Gallery.of(evidence, 1000)
    temperature = calibrated_temperature(gallery.real, gallery.own)
    figures = measured(evidence, num_splits=1)
    assert figures["score.real"].value == pytest.approx(float(score_of((gallery.real / temperature).softmax(1))))
    assert evidence.fake is not None
    cosines = gallery.compare(evidence.fake)
    scores = torch.stack([score_of((cosines[:, noise] / temperature).softmax(1)) for noise in range(3)])
    assert figures["score.generated"].value == pytest.approx(float(scores.mean()))
    assert figures["score.generated"].deviation == pytest.approx(float(scores.std(correction=0)))


def test_temperature_maximises_the_likelihood() -> None:
    evidence, _ = crowd(noise=0.5)
    gallery = Gallery.of(evidence, 1000)
    cosines, own = gallery.real.numpy(), gallery.own.numpy()

    def loss(log_temperature: float) -> float:
        chosen = log_softmax(cosines / math.exp(log_temperature), axis=1)
        return -float(chosen[range(len(own)), own].mean())

    best = minimize_scalar(loss, bounds=(-6, 1), method="bounded")
    temperature = calibrated_temperature(gallery.real, gallery.own)
    assert math.log(temperature) == pytest.approx(best.x, abs=0.13)  # half a step of the search


def test_real_faces_are_left_out_of_their_own_prototype() -> None:
    """By brute force, for people with several rows, with one row and another face, and with one face only."""
    random = torch.Generator().manual_seed(5)
    person = torch.tensor([3, 3, 3, 8, 8, 5, 6])
    real, other = torch.randn(7, 4, generator=random), torch.randn(7, 4, generator=random)
    other[6] = math.nan
    evidence = replace(sample_evidence(7), person=person, real=real, real_other=other, fake=None)
    gallery = Gallery.of(evidence, 1000)
    unit_real, unit_other = functional.normalize(real, dim=1), functional.normalize(other, dim=1)
    faces = {3: unit_real[:3], 8: unit_real[3:5], 5: torch.stack([unit_real[5], unit_other[5]]), 6: unit_real[6:]}
    for row in range(7):
        for column, name in enumerate([3, 5, 6, 8]):
            prototype_faces = faces[name]
            if person[row] == name:
                prototype_faces = prototype_faces[(prototype_faces != unit_real[row]).any(1)]
            similarity = float(gallery.real[row, column])
            if len(prototype_faces):
                prototype = prototype_faces.mean(0)
                expected = float(functional.cosine_similarity(unit_real[row], prototype, dim=0))
                assert similarity == pytest.approx(expected, abs=1e-6)
            else:
                assert math.isnan(similarity)
    assert gallery.usable("real").tolist() == [0, 1, 2, 3, 4, 5]
    assert measured(evidence)["identities.real"].note == "of 4 people, 6 faces"


def test_gallery_is_limited_to_max_people() -> None:
    evidence, _ = crowd()
    figures = measured(evidence, max_people=5)
    assert figures["accuracy.generated"].note == "5 people"
    assert figures["accuracy.generated"].value == 1.0
    assert figures["identities.generated"].note == f"of 5 people, {5 * ROWS} faces"


def test_missing_identity_has_a_reason() -> None:
    lonely = replace(sample_evidence(), real_other=None)
    for name, figure in measured(lonely).items():
        known = name in ("accuracy.generated", "identities.generated")
        assert math.isfinite(figure.value) == known
        assert known or figure.note == "not available: one real face per person"
    one = replace(sample_evidence(), person=torch.zeros(40, dtype=torch.int64))
    assert {figure.note for figure in measured(one).values()} == {"not available: at least two people are needed"}
    assert list(measured(replace(sample_evidence(), fake=None))) == [
        "accuracy.real", "identities.real", "score.real",
    ]  # fmt: skip
