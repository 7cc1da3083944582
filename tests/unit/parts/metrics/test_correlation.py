"""Correlations against scipy, plain and partial, and distances of pairs by brute force."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.nn import functional

from facegen.core.evidence import Evidence, Figure
from facegen.parts.metrics.correlation import Correlation, Pairs
from facegen.testing.samples import sample_evidence


def measured(evidence: Evidence) -> dict[str, Figure]:
    return {figure.key: figure for figure in Correlation().measure(evidence)}


def some_pairs(num: int = 60) -> tuple[Pairs, Tensor, Tensor]:
    evidence = sample_evidence(num)
    pairs = Pairs(evidence, 3000)
    return pairs, pairs.distance(evidence.encodings[:, None]), pairs.distance(evidence.real[:, None])


def test_pearson_agrees_with_scipy() -> None:
    pairs, one, other = some_pairs()
    correlation = pairs.correlation(one, other)
    expected = stats.pearsonr(one.numpy(), other.numpy())
    assert correlation.value == pytest.approx(float(expected.statistic), abs=1e-10)
    assert correlation.low is not None and correlation.high is not None
    # Pairs share people: the interval must be wider than that of as many independent pairs.
    independent = expected.confidence_interval()
    assert correlation.high - correlation.low > independent.high - independent.low


def test_partial_correlation_is_that_of_the_residuals() -> None:
    pairs, one, other = some_pairs()
    groups = pairs.sexes.numpy()
    dummies = np.stack([groups == name for name in np.unique(groups)], axis=1).astype(float)
    assert dummies.shape[1] == 3  # both women, both men, one of each
    residuals = [
        values.numpy() - dummies @ np.linalg.lstsq(dummies, values.numpy(), rcond=None)[0] for values in (one, other)
    ]
    expected = stats.pearsonr(*residuals).statistic
    assert pairs.correlation(one, other, pairs.sexes).value == pytest.approx(float(expected), abs=1e-10)


def test_bootstrap_weights_a_pair_by_both_people() -> None:
    pairs = some_pairs(8)[0]
    weights = torch.tensor([[2, 0, 1, 1, 3, 0, 1, 0]], dtype=torch.float64)
    counted = pairs._pair_weights(weights)[0].long()
    first, second = pairs._rows
    assert counted.tolist() == [int(weights[0, i] * weights[0, j]) for i, j in zip(first, second, strict=True)]


def test_correlation_by_sex_alone_vanishes_given_sex() -> None:
    sample = sample_evidence(200)
    random = torch.Generator().manual_seed(1)
    sex = functional.one_hot(sample.attributes["sex"], 8).float()

    def voiced(*shape: int) -> Tensor:
        return 0.5 * torch.randn(*shape, 8, generator=random)

    figures = measured(replace(sample, encodings=sex + voiced(200), fake=sex[:, None] + voiced(200, 2)))
    assert figures["generated"].value > 0.1
    given = figures["generated.given_sex"]
    assert given.low is not None and given.high is not None
    assert given.low < 0 < given.high
    for what in ("condition", "generated"):
        assert figures[f"distance.{what}.same_sex"].value < figures[f"distance.{what}.different_sexes"].value


def test_faces_equal_to_the_condition_have_correlation_one() -> None:
    sample = sample_evidence()
    figures = measured(replace(sample, fake=sample.encodings[:, None].expand(-1, 2, -1)))
    assert figures["generated"].value == pytest.approx(1)
    assert figures["generated.given_sex"].value == pytest.approx(1)


def test_pairs_are_of_different_people_and_noises() -> None:
    sample = replace(sample_evidence(30), person=torch.arange(30) // 3)
    pairs = Pairs(sample, 2000)
    first, second = pairs._rows
    assert (sample.person[first] != sample.person[second]).all()
    # One face a noise, the same for everybody: pairs of equal noise would have distance 0.
    faces = torch.eye(4)[None].expand(30, -1, -1)
    assert torch.allclose(pairs.distance(faces), torch.ones(2000, dtype=torch.float64))


def test_mean_distances_agree_with_brute_force() -> None:
    pairs, one, _ = some_pairs()
    first, second = (sample_evidence(60).attributes["sex"][rows] for rows in pairs._rows)
    same = first == second
    assert torch.equal(pairs.same_sex, same) and torch.equal(pairs.different_sexes, ~same)
    assert pairs.mean(one, same).value == pytest.approx(float(one[same].mean()))


def test_missing_correlation_has_a_reason() -> None:
    sample = sample_evidence()
    figures = measured(replace(sample, attributes={}))
    assert math.isfinite(figures["real"].value)
    for name in ("real.given_sex", "distance.condition.same_sex", "distance.real.different_sexes"):
        assert math.isnan(figures[name].value) and figures[name].note == "not available: no sex labels"
    partly = torch.where(torch.arange(40) < 20, -1, sample.attributes["sex"])
    assert math.isfinite(measured(replace(sample, attributes={"sex": partly}))["real.given_sex"].value)
    collapsed = measured(replace(sample, fake=torch.ones(40, 2, 8)))["generated"]
    assert math.isnan(collapsed.value) and collapsed.note == "not available: all distances are equal"
    two = replace(sample, person=torch.arange(40) % 2)
    assert {figure.note for figure in measured(two).values()} == {"not available: fewer than three people"}
    assert not any("generated" in name for name in measured(replace(sample, fake=None)))
