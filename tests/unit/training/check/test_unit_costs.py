"""Counts of the work of a stage against counts of a loop over its steps."""

import pytest

from facegen.core.recipe.tables import MatchSettings, TrainSettings
from facegen.training.check.unit_costs import Cost, StageForecast, stage_costs, stage_counts


@pytest.mark.parametrize(("steps", "done"), [(100, 0), (95, 0), (95, 40), (10, 0), (1000, 999)])
def test_work_is_counted_as_the_loop_does_it(steps: int, done: int) -> None:
    settings = TrainSettings(steps=steps, log_steps=7, checkpoint_steps=30, monitor_steps=20, sample_steps=40)
    counts = stage_counts(settings, done)
    for name, interval in {"log": 7, "checkpoint": 30, "monitor": 20, "sample grid": 40}.items():
        looped = sum(number % interval == 0 or number == steps for number in range(done + 1, steps + 1))
        assert counts[name] == looped, name
    assert (counts["step"], counts["start"]) == (steps - done, 1)


def test_the_match_stage_has_no_grids() -> None:
    assert set(stage_counts(MatchSettings(steps=10), 0)) == {"start", "step", "log", "checkpoint"}


def test_costs_are_counts_times_durations_where_both_are_known() -> None:
    costs = stage_costs({"step": 10.0, "log": 2.0, "encode": 0.0}, {"step": 0.5, "encode": 9.0})
    assert costs == (Cost("step", 10.0, 0.5),)
    assert StageForecast("train", costs, None).seconds == 5.0
    assert StageForecast("train", None, None).seconds is None
