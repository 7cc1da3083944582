"""Comparisons of figures with intervals."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest import approx

from studies.report_figures import NOTHING, SEEN, Results, Value, about_equal, given, rank_correlation, together


@pytest.mark.parametrize("one, other, holds", [
    (Value(0.6, 0.55, 0.65), Value(0.5, 0.45, 0.54), True),
    (Value(0.4, 0.35, 0.44), Value(0.5, 0.45, 0.54), False),
    (Value(0.6, 0.53, 0.65), Value(0.5, 0.45, 0.54), None),
    (Value(0.9), Value(0.5, 0.45, 0.54), None),
    (Value(0.9, 0.8, 1.0), Value(0.5), None),
    (Value(0.9), 0.5, None),
    (Value(0.6, 0.55, 0.65), 0.5, True),
    (NOTHING, 0.5, None),
])  # fmt: skip
def test_above_compares_intervals(one: Value, other: Value | float, holds: bool | None) -> None:
    assert one.above(other) is holds


def test_quotient_combines_far_ends_of_intervals() -> None:
    quotient = Value(0.3, 0.2, 0.4).over(Value(0.8, 0.5, 1.0))
    assert (quotient.value, quotient.low, quotient.high) == approx((0.375, 0.2, 0.8))
    below = Value(-0.01, -0.04, 0.02).over(Value(0.8, 0.5, 1.0))
    assert (below.low, below.high) == approx((-0.08, 0.04))
    alone = Value(0.3, 0.2, 0.4).over(Value(0.5))
    assert alone.value == approx(0.6) and math.isnan(alone.low) and math.isnan(alone.high)
    assert math.isnan(Value(0.3, 0.2, 0.4).over(Value(0.1, -0.1, 0.3)).value)


@pytest.mark.parametrize("one, holds", [
    (Value(0.5, 0.48, 0.52), True), (Value(0.5, 0.2, 0.8), None), (Value(0.8, 0.75, 0.85), False),
    (Value(0.2, 0.15, 0.25), False), (Value(0.5), None),
])  # fmt: skip
def test_about_equal_compares_intervals_with_a_margin(one: Value, holds: bool | None) -> None:
    assert about_equal(one, Value(0.5, 0.49, 0.51), 0.1) is holds


def test_connectives_have_three_values() -> None:
    assert (together(True, None), together(None, False), together(True, True)) == (None, False, True)
    assert [given(premise, False) for premise in (True, False, None)] == [False, None, None]


def test_rank_correlation_agrees_with_hand_computation() -> None:
    """rho = 1 - 6 x 4 / 120; tanh(atanh(0.8) -+ 1.96 sqrt(1.32 / 2))"""
    correlation = rank_correlation([1, 2, 3, 4, 5], [20, 10, 40, 30, 50])
    assert (correlation.value, correlation.low, correlation.high) == approx((0.8, -0.457, 0.9909), abs=1e-3)
    assert math.isnan(rank_correlation([1, 2, 3, 4], [1, 2, 3, 5]).value)


def test_value_is_formatted_with_its_interval() -> None:
    assert str(Value(1.0, 0.89, 1.0)) == "1.000 (0.890 to 1.000)"
    assert str(Value(2.5)) == "2.500"
    assert str(NOTHING) == "not measured"


def test_kept_is_identity_above_chance(write: Callable[..., None], tmp_path: Path) -> None:
    write("run", SEEN, {
        "identity.accuracy.generated": (0.5, 0.4, 0.6, 0.2), "identity.accuracy.real": (0.9, 0.7, 1.0, 0.2),
    })  # fmt: skip
    kept = Results(tmp_path).kept("run")
    assert (kept.value, kept.low, kept.high) == approx((0.3 / 0.7, 0.2 / 0.8, 0.4 / 0.5))


def test_a_figure_without_an_interval_is_shown_and_decides_nothing(write: Callable[..., None], tmp_path: Path) -> None:
    write("run", SEEN, {"frechet.judge.distance": (9.0, None, None, None), "identity score": (None,)})
    distance = Results(tmp_path).figure("run", "frechet.judge.distance", SEEN)
    assert (str(distance), distance.above(1.0)) == ("9.000", None)
    assert str(Results(tmp_path).figure("run", "identity score", SEEN)) == "not measured"
