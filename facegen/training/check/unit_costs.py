"""Costs of a stage of training: how often each kind of work is done, and how long it takes once."""

from collections.abc import Mapping
from dataclasses import dataclass

from facegen.core.recipe.tables import MatchSettings, TrainSettings

START = "start"
"""Work that is done once in a stage, whatever its length."""


@dataclass(frozen=True)
class Cost:
    """Cost of one kind of work in a stage.

    Attributes:
        name: of the work, such as "step" or "checkpoint".
        count: how often it is done; per clip where its size follows the corpus.
        seconds: duration of doing it once.
    """

    name: str
    count: float
    seconds: float

    @property
    def total_seconds(self) -> float:
        """Duration of all of it."""
        return self.count * self.seconds


@dataclass(frozen=True)
class StageForecast:
    """Forecast of one stage, estimated or measured.

    Attributes:
        name: of the stage; of an earlier run, after the name of the run.
        costs: of what is still to be done; None where a part reads values, so that its step cannot be counted.
        memory_bytes: largest memory; None likewise.
    """

    name: str
    costs: tuple[Cost, ...] | None
    memory_bytes: float | None

    @property
    def seconds(self) -> float | None:
        """Duration until the stage is finished."""
        return None if self.costs is None else sum(cost.total_seconds for cost in self.costs)


def stage_counts(settings: MatchSettings | TrainSettings, done: int) -> dict[str, float]:
    """Count the work of the steps that a stage still has to do: {name: number of times}."""
    steps = settings.steps - done
    intervals = {"log": settings.log_steps, "checkpoint": settings.checkpoint_steps}
    if isinstance(settings, TrainSettings):
        intervals |= {"monitor": settings.monitor_steps, "sample grid": settings.sample_steps}
    counts = {
        # The last step does all of it, whatever its number.
        name: settings.steps // interval - done // interval + (settings.steps % interval > 0)
        for name, interval in intervals.items()
    }
    return {START: 1.0, "step": float(steps), **{name: float(count) for name, count in counts.items()}}


def stage_costs(counts: Mapping[str, float], seconds: Mapping[str, float]) -> tuple[Cost, ...]:
    """Multiply counts by durations; work whose duration is unknown, or that is not done, is left out."""
    return tuple(Cost(name, count, seconds[name]) for name, count in counts.items() if count and name in seconds)
