"""Arithmetic of the benchmarks: order of rounds, medians, ratios and goals. Nothing is timed."""

import time

import pytest

from benchmarks.harness import MIN_ROUNDS, Comparison, Measurement, Progress, from_json, interleave, quartiles, to_json


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Replace the clocks of the harness by one number, which sides move."""
    now = [100.0]
    monkeypatch.setattr(time, "process_time", lambda: now[0])
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


class Side:
    """A side whose rounds take given seconds by the replaced clock."""

    def __init__(self, name: str, seconds: list[float], clock: list[float], calls: list[str]) -> None:
        self.name, self.seconds, self.clock, self.calls = name, iter(seconds), clock, calls

    def __call__(self) -> None:
        self.calls.append(self.name)
        self.clock[0] += next(self.seconds)


def test_sides_alternate_in_reversed_order_and_warm_ups_do_not_count(clock: list[float]) -> None:
    calls: list[str] = []
    sides = {"a": Side("a", [9, 1, 2, 3], clock, calls), "b": Side("b", [9, 4, 5, 6], clock, calls)}
    seconds = interleave("case", sides, 3, Progress("test", 1000))
    assert seconds == {"a": [1, 2, 3], "b": [4, 5, 6]}
    assert "".join(calls) == "baabbaab"


def test_quick_measures_the_fewest_rounds(clock: list[float]) -> None:
    seconds = interleave("case", {"a": Side("a", [1.0] * 99, clock, [])}, 50, Progress("test", 1000, quick=True))
    assert len(seconds["a"]) == MIN_ROUNDS


def test_no_round_is_added_when_the_time_is_over_but_for_the_fewest(clock: list[float]) -> None:
    slow = interleave("case", {"a": Side("a", [50.0] * 99, clock, [])}, 20, Progress("test", 60))
    assert len(slow["a"]) == MIN_ROUNDS
    quicker = interleave("case", {"a": Side("a", [10.0] * 99, clock, [])}, 20, Progress("test", 60))
    assert len(quicker["a"]) == 6  # and one that did not count: 70 s


def test_progress_tells_the_time_that_is_left(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    interleave("case", {"a": Side("a", [10.0] * 4, clock, [])}, 3, Progress("step", 1000))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "step: case: 1 of 4, 30 s left" and lines[-1] == "step: case: 4 of 4"


def test_the_time_that_is_left_ends_with_the_rounds_that_fit(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    """A round takes 10 s: in 70 s six more fit after the first; in 5 s none, and the fewest are run all the same."""
    interleave("case", {"a": Side("a", [10.0] * 21, clock, [])}, 20, Progress("step", 70))
    assert capsys.readouterr().err.splitlines()[0] == "step: case: 1 of 21, 60 s left"
    interleave("case", {"a": Side("a", [10.0] * 21, clock, [])}, 20, Progress("step", 5))
    assert capsys.readouterr().err.splitlines()[0] == "step: case: 1 of 21, 30 s left"


@pytest.mark.parametrize(
    ("values", "expected"),
    [([5.0], (5, 5)), ([4.0, 2.0], (2, 4)), ([3.0, 1.0, 2.0], (1.5, 2.5)), ([4.0, 3.0, 1.0, 2.0], (1.5, 3.5))],
)
def test_quartiles_are_medians_of_halves(values: list[float], expected: tuple[float, float]) -> None:
    assert quartiles(values) == expected


def test_the_ratio_is_the_median_of_rounds_and_not_the_ratio_of_medians() -> None:
    """The machine was twice as slow in the second round: both sides of it were."""
    row = Comparison("case", "plain", [4.0, 8.0, 5.0], [2.0, 4.0, 1.0], goal=2.0)
    assert row.ratios == [2, 2, 5] and row.ratio == 2 and row.reached is True
    assert Comparison("case", "plain", [3.9], [2.0], goal=2.0).reached is False
    assert Comparison("case", "plain", [3.9], [2.0]).reached is None


def test_sides_of_unequal_rounds_have_no_ratio() -> None:
    with pytest.raises(ValueError):
        _ = Comparison("case", "plain", [1.0, 2.0], [1.0]).ratio


@pytest.mark.parametrize(
    ("better", "goal", "reached"),
    [("lower", 2.0, True), ("lower", 1.9, False), ("higher", 2.0, True), ("higher", 2.1, False), ("lower", None, None)],
)
def test_a_measurement_reaches_its_goal_on_the_right_side(
    better: str, goal: float | None, reached: bool | None
) -> None:
    assert Measurement("case", "s", [9.0, 2.0, 1.0], goal, better).reached is reached  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "row",
    [
        Comparison("case", "plain", [4.0, 8.0], [2.0, 4.0], 2.0, "note"),
        Measurement("case", "s", [1.0, 2.0], None, "higher"),
    ],
)
def test_rows_survive_json(row: Comparison | Measurement) -> None:
    entry = to_json(row)
    assert from_json(entry) == row
    assert entry["reached"] == row.reached and entry[{"Comparison": "ratio", "Measurement": "value"}[entry["kind"]]]
