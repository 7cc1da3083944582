"""The metric of readings: of a generator that draws the person, one that exaggerates, and one that ignores."""

import math
from dataclasses import replace

import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor

from facegen.core.evidence import Evidence, Figure, Recognised
from facegen.parts.metrics.readings import Readings
from facegen.testing.samples import sample_evidence

NUM = 80


def people() -> Tensor:
    """Age and probability of a man; three quarters are women, and men are older."""
    random = torch.Generator().manual_seed(0)
    is_male = (torch.arange(NUM) % 4 == 0).float()
    age = 25 + 15 * is_male + 20 * torch.rand(NUM, generator=random)
    return torch.stack([age, 0.1 + 0.8 * is_male], dim=1)


def evidence(drawn: Tensor, real: Tensor | None = None, **changes: object) -> Evidence:
    """Readings of generated faces (N, Z, 2): the first under its own noise, the others under shared ones."""
    read = Recognised(
        people() if real is None else real, None, drawn[:, 1:], None, drawn[:, 0], readings=("age", "male")
    )
    return replace(sample_evidence(NUM), recognised={"age_gender": read}, **changes)


def measured(given: Evidence, **settings: str) -> dict[str, Figure]:
    return {figure.key: figure for figure in Readings(**settings).measure(given)}


def test_the_same_faces_agree_in_everything() -> None:
    figures = measured(evidence(people()[:, None].expand(-1, 3, -1)))
    assert figures["sex.single.age_gender"].value == figures["sex.majority.age_gender"].value == 1
    assert figures["sex.spread.age_gender"].value == pytest.approx(1)
    for group in ("", ".female", ".male"):
        assert figures[f"age.rank_correlation{group}.age_gender"].value == pytest.approx(1)
    assert figures["age.median_difference.age_gender"].value == 0
    assert figures["age.rank_correlation.male.age_gender"].num_people == NUM // 4
    assert figures["sex.single.age_gender"].note == "3 faces per row"
    assert not any(figure.by_judge for figure in figures.values())


def test_a_generator_of_women_of_forty_is_at_chance() -> None:
    faces = torch.tensor([40.0, 0.2]).expand(NUM, 3, 2) + torch.rand(NUM, 3, 2) * torch.tensor([4.0, 0.1])
    figures = measured(evidence(faces))
    assert figures["sex.single.age_gender"].value == pytest.approx(0.5), "balanced, though three quarters are women"
    assert figures["sex.spread.age_gender"].value < 0.3
    spearman = figures["age.rank_correlation.female.age_gender"]
    assert spearman.low is not None and spearman.low < 0 < (spearman.high or 0)
    real = people()[:, 0]
    gap = float(faces[..., 0].mean(1).quantile(0.5) - real.quantile(0.5))
    assert figures["age.median_difference.age_gender"].value == pytest.approx(gap, abs=1e-4)


def test_correlations_are_those_of_the_mean_of_a_row_within_each_sex() -> None:
    torch.manual_seed(3)
    faces = people()[:, None] + torch.randn(NUM, 3, 2) * torch.tensor([12.0, 0.0])
    figures = measured(evidence(faces))
    is_male = people()[:, 1] > 0.5
    for group, rows in (("", is_male >= 0), (".female", ~is_male), (".male", is_male)):
        expected = spearmanr(faces[rows, :, 0].mean(1), people()[rows, 0]).statistic
        assert figures[f"age.rank_correlation{group}.age_gender"].value == pytest.approx(expected, abs=1e-6)


def test_exaggerated_sexes_spread_more() -> None:
    faces = people()[:, None].repeat(1, 3, 1)
    faces[..., 1] = (faces[..., 1] > 0.5) * 0.98 + 0.01
    spread = math.log(99) / math.log(9)
    assert measured(evidence(faces))["sex.spread.age_gender"].value == pytest.approx(spread, rel=1e-5)


def test_faces_that_are_not_detected_are_left_out() -> None:
    faces, real = people()[:, None].repeat(1, 3, 1), people()
    faces[:5], faces[5:9, 0], real[9:11] = torch.nan, torch.nan, torch.nan
    figures = measured(evidence(faces, real))
    assert figures["sex.majority.age_gender"].note == "3 faces per row; 7 rows without a detected face are left out"
    assert figures["sex.majority.age_gender"].num_people == NUM - 7
    assert figures["sex.spread.age_gender"].num_people == NUM - 11
    nobody = measured(evidence(torch.full((NUM, 3, 2), torch.nan)))
    assert list(nobody) == ["age_gender"]
    assert "fewer than 3 rows in which it reads both faces" in nobody["age_gender"].note


def test_what_is_missing_has_a_reason() -> None:
    faces = people()[:, None].repeat(1, 3, 1)
    no_reader = measured(replace(evidence(faces), recognised={}))
    assert "no recogniser reads the faces; add one, such as --recogniser age_gender" in no_reader[""].note
    assert "the run draws no faces" in measured(evidence(faces, fake=None))[""].note
    women = people()
    women[:, 1] = 0.1
    one_sex = measured(evidence(faces, women))
    assert "all real faces are read as of one sex" in one_sex["sex.single.age_gender"].note
    assert "fewer than 3 rows" in one_sex["age.rank_correlation.male.age_gender"].note
    assert math.isfinite(one_sex["age.rank_correlation.female.age_gender"].value)
    other_name = measured(evidence(faces), sex="is_man")
    assert {key.split(".")[0] for key in other_name} == {"age", "male"}, "without a sex, all readings are quantities"
    assert "male.median_difference.age_gender" in other_name and not any("female" in key for key in other_name)
