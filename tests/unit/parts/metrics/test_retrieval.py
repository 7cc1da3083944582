"""Retrieval by brute force: scipy's distances, sorted."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from facegen.core.evidence import Evidence, Figure
from facegen.parts.metrics.retrieval import Retrieval, one_row_per_person
from facegen.testing.samples import sample_evidence

METRICS = {"L1": "cityblock", "L2": "euclidean", "cosine": "cosine"}


def measured(evidence: Evidence, **settings: int) -> dict[str, Figure]:
    return {figure.key: figure for figure in Retrieval(**settings).measure(evidence)}


@pytest.mark.parametrize("distance", METRICS)
def test_recall_agrees_with_sorting(distance: str) -> None:
    sample = sample_evidence(40, num_noises=3, seed=3)
    assert sample.fake is not None
    scale = 1 + torch.rand(40, 1, generator=torch.Generator().manual_seed(0))
    evidence = replace(sample, real=sample.real * scale)  # so that L2 and cosine disagree
    queries = sample.fake.double().flatten(0, 1).numpy()
    order = cdist(queries, evidence.real.double().numpy(), METRICS[distance]).argsort(axis=1)
    rank = (order == np.arange(40).repeat(3)[:, None]).argmax(axis=1)
    figures = measured(evidence)
    for num in (1, 2, 5, 10):
        figure = figures[f"r{num}.{distance.lower()}"]
        assert figure.value == pytest.approx((rank < num).mean())
        assert figure.chance == pytest.approx(num / 40)
        assert figure.note == "gallery of 40"


def test_equal_faces_score_chance() -> None:
    """Equal distances share the ranks: a collapsed generator must not score above chance by the order of rows."""
    same = replace(sample_evidence(30), real=torch.ones(30, 8), fake=torch.zeros(30, 2, 8))
    for figure in measured(same).values():
        assert figure.value == pytest.approx(figure.chance)


def test_the_gallery_holds_everybody_once() -> None:
    evidence = replace(sample_evidence(60), person=torch.arange(60) // 4)
    rows = one_row_per_person(evidence, 5000)
    assert sorted(evidence.person[rows].tolist()) == list(range(15))
    assert len(one_row_per_person(evidence, 6)) == 6
    assert measured(evidence)["r5.l2"].note == "gallery of 15"
    assert measured(evidence, max_gallery=5)["r5.l2"].value == 1.0
    assert measured(evidence, max_gallery=5)["r10.l2"].chance == 1.0


def test_missing_retrieval_has_a_reason() -> None:
    silent = measured(replace(sample_evidence(), fake=None))[""]
    assert math.isnan(silent.value)
    assert silent.note == "not available: the run draws no faces"
    one = replace(sample_evidence(), person=torch.zeros(40, dtype=torch.int64))
    assert measured(one)[""].note == "not available: the gallery has one face"
