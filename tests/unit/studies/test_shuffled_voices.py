"""Retrieval by drawn faces, and exchanged voices: against sorting, counting and enumeration."""

from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from studies.shuffled_voices import Fold, Retrieved, all_hits, retrieve, shuffle


def make_fold(num: int, strength: float, seed: int = 0) -> Fold:
    """Photographs whose first feature is the sex; drawn faces that resemble them as far as `strength`."""
    generator = torch.Generator().manual_seed(seed)
    sex = torch.arange(num) % 2
    real = torch.randn(num, 6, generator=generator)
    real[:, 0] += 6 * sex
    drawn = strength * real[:, None] + torch.randn(num, 3, 6, generator=generator)
    return Fold(torch.arange(num) + 1000 * seed, sex, real, drawn)


def test_scores_agree_with_sorting() -> None:
    fold = make_fold(24, 0.7)
    hits = all_hits(fold, "L2", averages=False)
    distances = cdist(fold.drawn.flatten(0, 1).double().numpy(), fold.real.double().numpy())
    rank = distances.argsort(1).argsort(1).reshape(24, 3, 24)
    assert np.allclose(hits["R@1"], (rank < 1).mean(1))
    assert np.allclose(hits["R@10"], (rank < 10).mean(1))


def test_ten_way_counts_the_choices_of_nine_others() -> None:
    fold = make_fold(12, 0.5)
    hits = all_hits(fold, "L2", averages=True)["10-way"]
    distances = cdist(fold.drawn.mean(1).double().numpy(), fold.real.double().numpy())
    for voice, photograph in ((0, 0), (3, 7), (5, 2)):
        others = [row for row in range(12) if row != photograph]
        nearest = [
            distances[voice, photograph] < distances[voice, list(chosen)].min() for chosen in combinations(others, 9)
        ]
        assert float(hits[voice, photograph]) == pytest.approx(np.mean(nearest))


def test_equal_faces_score_chance_and_undetected_faces_miss() -> None:
    fold = make_fold(20, 0.0)
    same = Fold(fold.person, fold.sex, torch.ones(20, 6), torch.zeros(20, 3, 6))
    for name, chance in (("R@1", 0.05), ("R@10", 0.5), ("10-way", 0.1)):
        assert torch.allclose(all_hits(same, "L1", averages=False)[name], torch.tensor(chance, dtype=torch.float64))
    blind = Fold(fold.person, fold.sex, fold.real, fold.drawn.clone())
    blind.drawn[4] = torch.nan
    blind.drawn[5, 0] = torch.nan
    assert float(all_hits(blind, "L2", averages=False)["R@10"][4].sum()) == 0
    # Of every detected face, ten photographs are among the ten nearest.
    assert float(all_hits(blind, "L2", averages=False)["R@10"][5].sum()) == pytest.approx(10 * 2 / 3)
    assert float(all_hits(blind, "L2", averages=True)["R@10"][5].sum()) == pytest.approx(10)


def test_exchanged_voices_score_chance_and_stay_within_their_label() -> None:
    hits = torch.zeros(40, 40, dtype=torch.float64)
    hits[:, :] = (torch.arange(40)[:, None] % 2 == torch.arange(40) % 2).double()
    anybody = shuffle([hits], [torch.zeros(40)], 400, 0)
    assert anybody.mean == pytest.approx(0.5, abs=0.02)
    assert anybody.low < 0.5 < anybody.high < 1
    assert anybody.p_value == pytest.approx(1 / 401)
    within = shuffle([hits], [torch.arange(40) % 2], 400, 0)
    assert (within.mean, within.low, within.high, within.p_value) == (1, 1, 1, 1)


def results_of(strength: float, *, sex_only: bool = False) -> dict[tuple[str, str, str], Retrieved]:
    folds = [make_fold(num, strength, seed) for num, seed in ((40, 1), (44, 2))]
    if sex_only:
        folds = [Fold(fold.person, fold.sex, fold.real, torch.randn(len(fold.sex), 3, 6)) for fold in folds]
        for fold in folds:
            fold.drawn[..., 0] += 6 * fold.sex[:, None]
    return {(one.group, one.queries, one.measure): one for one in retrieve(folds, 300, 0, "L2")}


def test_faces_of_the_own_person_are_found_within_each_sex() -> None:
    results = results_of(0.8)
    assert {group for group, _, _ in results} == {"all", "same sex", "women", "men"}
    whole = results["all", "single faces", "R@10"]
    assert (whole.num_people, whole.chance) == (84, pytest.approx((10 / 40 * 40 + 10 / 44 * 44) / 84))
    assert whole.shuffled.mean == pytest.approx(whole.chance, abs=0.01)
    assert all(one.is_above for one in results.values() if one.measure == "10-way")
    women = results["women", "mean of a voice's faces", "R@10"]
    assert (women.num_people, women.chance) == (42, pytest.approx(20 / 42))
    assert women.estimate.value > results["women", "single faces", "R@10"].estimate.value


def test_faces_that_show_the_sex_alone_are_above_exchanged_voices_of_anybody_only() -> None:
    torch.manual_seed(0)
    results = results_of(0.0, sex_only=True)
    whole = results["all", "single faces", "R@10"]
    assert whole.is_above
    assert whole.shuffled_within_sex is not None
    assert whole.shuffled_within_sex.p_value > 0.05
    assert whole.shuffled_within_sex.mean == pytest.approx(whole.estimate.value, abs=0.05)
    assert not results["same sex", "single faces", "R@10"].is_above
    assert results["same sex", "single faces", "R@10"].shuffled_within_sex is None


def test_people_without_a_known_sex_have_one_group() -> None:
    fold = make_fold(30, 0.8)
    unknown = Fold(fold.person, torch.full((30,), -1), fold.real, fold.drawn)
    results = retrieve([unknown], 50, 0, "cosine")
    assert {one.group for one in results} == {"all"}
    assert all(one.shuffled_within_sex is None for one in results)
    assert [one.measure for one in retrieve([make_fold(8, 1.0)], 50, 0) if one.group == "all"] == ["R@1", "R@1"]
