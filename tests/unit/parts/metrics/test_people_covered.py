"""People covered: one face covers one person, true faces cover all; the interval is a jackknife."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from facegen.core.evidence import Evidence, Figure
from facegen.parts.metrics.people_covered import PeopleCovered
from facegen.testing.samples import sample_evidence

GENERATED, REAL = "generated", "real"
SHARE = "share_of_real"


def measured(evidence: Evidence) -> dict[str, Figure]:
    return {figure.key: figure for figure in PeopleCovered().measure(evidence)}


def known(num: int = 40) -> Evidence:
    """Return evidence of people whom the judge never confuses."""
    evidence = sample_evidence(num)
    faces = torch.eye(num)
    return replace(evidence, real=faces, real_other=2 * faces, fake=faces[:, None].repeat(1, 3, 1))


def test_one_face_covers_one_person() -> None:
    figures = measured(replace(known(), fake=torch.eye(40)[7].expand(40, 3, 40)))
    assert figures[GENERATED].value == 1
    assert figures[REAL].value == 40
    assert figures[SHARE].value == pytest.approx(1 / 40)
    assert figures[SHARE].high is not None and figures[SHARE].high < 0.05


def test_true_faces_cover_everybody() -> None:
    figures = measured(known())
    assert (figures[GENERATED].value, figures[SHARE].value) == (40, 1)


def test_people_covered_uses_faces_of_own_noises() -> None:
    collapsed = torch.eye(40)[7].expand(40, 3, 40)
    assert measured(replace(known(), fake=collapsed, fresh=torch.eye(40)))[GENERATED].value == 40


def test_faces_of_people_at_random_cover_63_percent() -> None:
    random = torch.Generator().manual_seed(0)
    guessed = torch.eye(1000)[torch.randint(1000, (1000, 4), generator=random)]
    evidence = replace(sample_evidence(1000), real=torch.eye(1000), real_other=torch.eye(1000), fake=guessed)
    assert measured(evidence)[SHARE].value == pytest.approx(1 - math.exp(-1), abs=0.01)


def test_several_rows_of_a_person_count_once() -> None:
    evidence = replace(known(), person=torch.arange(40) // 4)
    figures = measured(evidence)
    assert (figures[GENERATED].value, figures[REAL].value) == (10, 10)
    assert figures[REAL].note == "of 10 people, one face each"


def test_interval_agrees_with_a_jackknife() -> None:
    evidence = sample_evidence(30, num_noises=3, seed=4)
    assert evidence.fake is not None and evidence.real_other is not None

    def near(faces: torch.Tensor) -> np.ndarray:
        return torch.nn.functional.cosine_similarity(faces[..., None, :], evidence.real, dim=-1).argmax(-1).numpy()

    drawn, real = near(evidence.fake), near(evidence.real_other)

    def ratio(rows: np.ndarray) -> float:
        return float(np.mean([len(set(drawn[rows, z])) for z in range(3)]) / len(set(real[rows])))

    everyone = np.arange(30)
    left = np.array([ratio(np.delete(everyone, row)) for row in everyone])
    error = math.sqrt(29 / 30 * ((left - left.mean()) ** 2).sum())
    figure = measured(evidence)[SHARE]
    assert figure.value == pytest.approx(ratio(everyone))
    assert (figure.low, figure.high) == pytest.approx(
        (figure.value - 1.96 * error, figure.value + 1.96 * error), abs=1e-3
    )


def test_what_cannot_be_had() -> None:
    figures = measured(replace(known(), real_other=None))
    assert figures[GENERATED].value == 40
    assert figures[REAL].note == figures[SHARE].note == "not available: one real face per person"
    figures = measured(replace(known(), person=torch.zeros(40, dtype=torch.int64)))
    assert [figure.note for figure in figures.values()] == ["not available: fewer than two people"]
    assert list(measured(replace(known(), fake=None, fake_faces=None))) == [REAL]


def test_people_without_a_second_face_are_left_out() -> None:
    evidence = known()
    assert evidence.real_other is not None
    some = evidence.real_other.clone()
    some[10:] = math.nan
    assert measured(replace(evidence, real_other=some))[REAL].note == "of 10 people, one face each"
