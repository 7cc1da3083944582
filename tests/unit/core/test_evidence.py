"""Caveats of figures of few people, and notes about intervals."""

import math

import pytest
import torch

from facegen.core.evidence import Figure
from facegen.core.statistics import Bootstrap, Estimate, compared


@pytest.mark.parametrize("num, low, caveat", [
    (1, None, "one person only: no conclusion about others"),
    (7, 0.2, "7 people only: the interval is too narrow"),
    (7, None, "7 people only"),
    (20, 0.2, ""),
    (None, None, ""),
])  # fmt: skip
def test_few_people_give_a_caveat(num: int | None, low: float | None, caveat: str) -> None:
    figure = Figure("share", "share", 0.5, low, low and 0.8, note="k = 5", num_people=num)
    assert figure.caveat == caveat
    assert figure.remarks == ("k = 5; " + caveat if caveat else "k = 5")
    assert Figure("share", "share", math.nan, note="not available", num_people=num).caveat == ""


def test_a_figure_has_the_number_of_people_of_its_estimate() -> None:
    people = Bootstrap(torch.tensor([3, 3, 5, 9]), seed=0)
    for estimate in (people.mean(torch.tensor([0.0, 1, 1, 0])), people.share(torch.ones(4))):
        assert estimate.num_people == 3
        assert Figure.of("share", "share", estimate).num_people == 3
    alone = Figure.of("share", "share", Bootstrap(torch.zeros(2, dtype=torch.int64), seed=0).share(torch.ones(2)))
    assert (alone.low, alone.high, alone.num_people) == (None, None, 1)


@pytest.mark.parametrize("low, high, note", [
    (0.01, 0.2, "overshoot"), (-0.2, -0.01, "less"), (-0.1, 0.1, "not distinguishable from 0"),
    (None, None, "no interval, so it is not compared with 0"),
])  # fmt: skip
def test_a_note_follows_from_the_interval(low: float | None, high: float | None, note: str) -> None:
    assert compared(Estimate(0.05, low, high), 0.0, above="overshoot", below="less") == note
