"""Losses between splits, and the cases in which they are not known."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reports import report, share

from facegen.core.evidence import Figure
from facegen.evaluation.verdicts.generalisation import find_gaps, own_splits

NAME = "matching.v2f.10.generated"
HERE = Path()


def test_a_gap_and_its_interval_by_hand() -> None:
    here, there = Figure(NAME, NAME, 0.8, 0.7, 0.83, 0.1), Figure(NAME, NAME, 0.5, 0.46, 0.62, 0.1)
    (gap,) = find_gaps([report(HERE, "heldout_people", {"m": [there]}), report(HERE, "train", {"m": [here]})])
    assert (gap.known, gap.unseen) == ("train", "heldout_people")
    assert gap.value == pytest.approx(0.3)
    assert gap.low == pytest.approx(0.3 - math.sqrt(0.1**2 + 0.12**2))
    assert gap.high == pytest.approx(0.3 + math.sqrt(0.03**2 + 0.04**2))
    assert gap.is_significant


def test_the_interval_covers_the_difference_about_as_often_as_it_says() -> None:
    """Two independent means of 60 hits or misses each, with Wald's intervals of their own."""
    drawn, covered = np.random.default_rng(0), 0
    for _ in range(400):
        figures = []
        for truth in (0.7, 0.55):
            mean = drawn.binomial(60, truth) / 60
            reach = 1.96 * math.sqrt(mean * (1 - mean) / 60)
            figures.append(Figure(NAME, NAME, mean, mean - reach, mean + reach, 0.1))
        (gap,) = find_gaps([
            report(HERE, "train", {"m": figures[:1]}), report(HERE, "heldout_people", {"m": figures[1:]})
        ])  # fmt: skip
        covered += gap.low <= 0.15 <= gap.high
    assert 0.92 < covered / 400 < 0.98


def test_every_split_is_set_beside_the_next() -> None:
    values = {"heldout_people": 0.5, "train": 0.9, "heldout_utterances": 0.88}
    reports = [report(HERE, split, {"m": [share(NAME, value)]}) for split, value in values.items()]
    assert [ordered.split for ordered in own_splits(reports)] == [
        "train",
        "heldout_utterances",
        "heldout_people",
    ]
    first, second = find_gaps(reports)
    assert (first.known, first.unseen, first.is_significant) == ("train", "heldout_utterances", False)
    assert (second.known, second.unseen, second.is_significant) == ("heldout_utterances", "heldout_people", True)


@pytest.mark.parametrize("changes", [{"judge_key": "x"}, {"corpus_key": "x"}, {"step": 400}])
def test_reports_that_do_not_compare_have_no_gap(changes: dict[str, Any]) -> None:
    figures = {"m": [share(NAME, 0.5)]}
    assert find_gaps([report(HERE, "train", figures), report(HERE, "heldout_people", figures, **changes)]) == []


@pytest.mark.parametrize("there", [
    share(NAME, 0.5, chance=0.02), share(NAME, 0.5, chance=None), Figure(NAME, NAME, 0.5, chance=0.1),
    share("other", 0.5),
    Figure(NAME, NAME, math.nan, 0.1, 0.2, 0.1),
])  # fmt: skip
def test_figures_that_do_not_compare_have_no_gap(there: Figure) -> None:
    reports = [report(HERE, "train", {"m": [share(NAME, 0.5)]}), report(HERE, "heldout_people", {"m": [there]})]
    assert find_gaps(reports) == []


def test_another_corpus_is_no_split_of_the_run() -> None:
    figures = {"m": [share(NAME, 0.5)]}
    assert find_gaps([report(HERE, "train", figures), report(HERE, "other-heldout_people", figures)]) == []
