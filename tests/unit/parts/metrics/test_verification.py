"""Verification: oracles, chance, groups by sex and language, and reasons why there is no number."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from facegen.core.evidence import Evidence, Figure
from facegen.parts.metrics.verification import Verification
from facegen.testing.samples import sample_evidence


def measured(evidence: Evidence, num_negatives: int = 5) -> dict[str, Figure]:
    return {figure.key: figure for figure in Verification(num_negatives=num_negatives).measure(evidence)}


def score_by(column: Tensor) -> Evidence:
    """Return evidence of people whose score is the nearness of a number, such as the person's."""
    number = column.double()[:, None]
    return replace(
        sample_evidence(len(number)), encodings=number, real=number, fake=None,
        logits=lambda query, candidates, _: -(query[:, None] - candidates).abs().sum(2),
    )  # fmt: skip


def test_an_oracle_makes_no_error() -> None:
    for key, figure in measured(score_by(torch.arange(40))).items():
        assert figure.value == (0.0 if ".eer" in key else 1.0)
        assert figure.better == ("lower" if ".eer" in key else "higher")
        assert figure.chance == 0.5


def test_constant_scores_are_chance() -> None:
    evidence = replace(sample_evidence(60), logits=lambda query, candidates, _: torch.zeros(candidates.shape[:2]))
    assert {figure.value for figure in measured(evidence).values()} == {0.5}


def test_all_pairs_by_brute_force() -> None:
    """With every other person as a negative, the area is that over all pairs."""
    evidence = replace(sample_evidence(15, seed=4), attributes={}, fake=None)
    scores = evidence.encodings @ evidence.real.T
    own, other = scores.diagonal(), scores[~torch.eye(15, dtype=torch.bool)]
    figures = measured(evidence, num_negatives=14)
    assert figures["real.auc"].value == pytest.approx(float((own[:, None] > other).double().mean()))
    assert set(figures) == {"real.auc", "real.eer"}


def test_sex_alone_is_chance_within_a_sex() -> None:
    sex = torch.arange(80) % 2
    figures = measured(replace(score_by(sex), attributes={"sex": sex}))
    assert figures["real.auc"].value == pytest.approx(0.75, abs=0.06)
    for group in ("same_sex", "female", "male"):
        assert figures[f"real.auc.{group}"].value == figures[f"real.eer.{group}"].value == 0.5


def test_languages_are_measured_apart() -> None:
    """One language is matched without error, the other at chance; rows without a language are in neither."""
    number = torch.where(torch.arange(60) < 30, torch.arange(60), 1000)
    languages = ["ca"] * 30 + ["Urdu"] * 25 + [""] * 5
    figures = measured(replace(score_by(number), languages=languages, attributes={}))
    assert figures["real.auc.language_ca"].value == 1.0
    assert figures["real.auc.language_urdu"].value == 0.5
    assert figures["real.auc.language_urdu"].label == "AUC, real, language Urdu"
    assert measured(replace(score_by(number), languages=["ca"] * 60, attributes={})).keys() == {"real.auc", "real.eer"}


def test_real_faces_do_not_measure_a_run_that_draws() -> None:
    figures = measured(sample_evidence(40))
    assert figures["real.eer"].better is None and figures["generated.eer"].better == "lower"
    assert not any("female" in key for key in figures if key.startswith("generated"))


def test_people_are_resampled() -> None:
    """Rows of one person repeated many times leave the interval as wide as it is."""
    once = replace(sample_evidence(30), fake=None, attributes={})
    rows = torch.arange(30).repeat(8)
    often = replace(
        once, person=once.person[rows], encodings=once.encodings[rows], real=once.real[rows], real_other=None
    )
    widths = []
    for evidence in (once, often):
        figure = measured(evidence)["real.auc"]
        assert figure.low is not None and figure.high is not None and figure.num_people == 30
        widths.append(figure.high - figure.low)
    assert widths[1] > 0.6 * widths[0]


def test_reasons() -> None:
    ranked = measured(replace(sample_evidence(10), max_candidates=2))
    assert "gives no score of a single pair" in ranked["real.eer"].note
    alone = replace(sample_evidence(3), person=torch.zeros(3, dtype=torch.int64), attributes={}, fake=None)
    assert "fewer than two people" in measured(alone)["real.auc"].note
