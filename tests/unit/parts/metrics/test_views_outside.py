"""Figures in features of recognisers: against hand computations, and with undetected faces."""

import math
from dataclasses import replace

import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.nn import functional

from facegen.core.evidence import Evidence, Figure, Recognised
from facegen.core.interfaces import Metric
from facegen.parts.metrics.correlation import Correlation, Pairs
from facegen.parts.metrics.identity import Identity
from facegen.parts.metrics.matching import Matching
from facegen.parts.metrics.retrieval import Retrieval
from facegen.parts.metrics.views import outside_views
from facegen.testing.samples import sample_evidence

MISSED_REAL, MISSED_FAKE = (3, 17), (5, 6, 7)


def seen_from_outside(num: int = 40) -> Evidence:
    """Return evidence with features of a recogniser that does not detect two true and three generated faces."""
    sample, other = sample_evidence(num, seed=2), sample_evidence(num, dim=5, seed=9)
    real, fresh = other.real.clone(), other.fake[:, 0].clone() if other.fake is not None else torch.empty(0)
    real[list(MISSED_REAL)] = torch.nan
    fresh[list(MISSED_FAKE)] = torch.nan
    assert other.real_other is not None
    looks = Recognised(real, other.real_other, None, None, fresh)
    listens = Recognised(speech=sample.encodings.flip(1) + 1)
    return replace(sample, recognised={"looks": looks, "listens": listens})


def measured(metric: Metric, evidence: Evidence) -> dict[str, Figure]:
    return {figure.key: figure for figure in metric.measure(evidence)}


def view(evidence: Evidence) -> Evidence:
    ((name, seen),) = outside_views(evidence)
    assert name == "looks"
    return seen


def test_view_holds_rows_with_a_detected_true_face() -> None:
    evidence = seen_from_outside()
    seen = view(evidence)
    detected = [row for row in range(40) if row not in MISSED_REAL]
    assert seen.person.tolist() == detected
    assert seen.encodings.equal(evidence.encodings[detected])
    assert seen.attributes["sex"].equal(evidence.attributes["sex"][detected])
    assert seen.fake is not None and seen.fake.shape == (38, 1, 5)
    assert seen.recognised["listens"].speech is not None and len(seen.recognised["listens"].speech) == 38


def ranks(seen: Evidence) -> Tensor:
    """Return the rank of the true face, the last one for undetected generated faces: (rows,)."""
    assert seen.fake is not None
    cosines = functional.normalize(seen.fake[:, 0].nan_to_num()) @ functional.normalize(seen.real).T
    places = (cosines > cosines.diagonal()[:, None]).sum(1)
    return places.masked_fill(~seen.fake[:, 0].isfinite().all(1), 1000)


def test_retrieval_and_identity_agree_with_hand_computation() -> None:
    evidence = seen_from_outside()
    seen = view(evidence)
    figures = measured(Retrieval(), evidence)
    for num in (1, 2, 5, 10):
        figure = figures[f"r{num}.cosine.looks"]
        assert figure.value == pytest.approx(float((ranks(seen) < num).float().mean()))
        assert figure.chance == pytest.approx(num / 38)
        assert figure.note == "gallery of 38; 3 generated faces are not detected, and count as misses"
    assert figures["r1.cosine"] == measured(Retrieval(), replace(evidence, recognised={}))["r1.cosine"]
    named = measured(Identity(), evidence)
    assert seen.fake is not None and seen.real_other is not None
    prototypes = functional.normalize(functional.normalize(seen.real) + functional.normalize(seen.real_other))
    right = (seen.fake[:, 0].nan_to_num() @ prototypes.T).argmax(1) == torch.arange(38)
    right &= seen.fake[:, 0].isfinite().all(1)
    assert named["accuracy.generated.looks"].value == pytest.approx(float(right.float().mean()))
    assert "3 faces are not detected" in named["accuracy.generated.looks"].note
    assert named["identities.generated.looks"].note == "of 38 people, 35 faces"
    assert math.isfinite(named["score.generated.looks"].value)


def test_faces_query_faces() -> None:
    """All people are candidates, so nothing is random."""
    evidence = seen_from_outside()
    seen = view(evidence)
    assert seen.real_other is not None
    figures = measured(Matching(num_candidates=(38,)), evidence)
    drawn = figures["f2f.38.generated.looks"]
    assert drawn.value == pytest.approx(float((ranks(seen) == 0).float().mean()))
    assert (drawn.chance, drawn.note) == (1 / 38, "3 faces are not detected, and count as misses")
    cosines = functional.normalize(seen.real_other) @ functional.normalize(seen.real).T
    right = float((cosines.argmax(1) == torch.arange(38)).float().mean())
    assert figures["f2f.38.real.looks"].value == pytest.approx(right)
    assert not any("listens" in name for name in figures)


def test_correlation_uses_voices_of_judge_and_recogniser() -> None:
    evidence = seen_from_outside()
    figures = measured(Correlation(), evidence)
    seen = view(evidence)
    assert seen.fake is not None
    rows = seen.fake[:, 0].isfinite().all(1)
    part = replace(
        seen, person=seen.person[rows], encodings=seen.encodings[rows], fake=seen.fake[rows],
        attributes={"sex": seen.attributes["sex"][rows]}, real=seen.real[rows],
    )  # fmt: skip
    pairs = Pairs(part, 2000)
    name = "real"
    expected = stats.pearsonr(pairs.distance(part.encodings[:, None]), pairs.distance(part.real[:, None])).statistic
    assert figures[f"{name}.looks"].value == pytest.approx(float(expected))
    both = figures[f"{name}.listens_and_looks"].value
    assert math.isfinite(both) and both != pytest.approx(float(expected))


def test_matching_run_has_figures_of_real_faces() -> None:
    evidence = seen_from_outside()
    silent = replace(evidence, fake=None, fake_faces=None)
    assert "f2f.2.real.looks" in measured(Matching(), silent)
    for metric in (Matching(), Identity(), Correlation(), Retrieval()):
        assert not any("generated" in name and "looks" in name for name in measured(metric, silent))


def test_undetected_second_real_faces_are_left_out() -> None:
    evidence = seen_from_outside()
    looks = evidence.recognised["looks"]
    alone = replace(looks, real_other=torch.full_like(looks.real_other, torch.nan))  # type: ignore[arg-type]
    figure = measured(Matching(), replace(evidence, recognised={"looks": alone}))["f2f.2.real.looks"]
    assert math.isnan(figure.value)
    assert figure.note == "not available: too few people with a detected face"
