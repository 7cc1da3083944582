"""Measurements of a benchmark: two sides in turn, medians with spread, ratio and goal."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, Literal

from rich.console import Console

Action = Callable[[], object]
MIN_ROUNDS = 3
PROGRESS_SECONDS = 5.0


@dataclass(frozen=True)
class Comparison:
    """Times of two sides that were measured in turn: entry i of both lists is of round i.

    Attributes:
        case: what is measured.
        baseline_name: what it is measured against.
        baseline, ours: seconds.
        goal: ratio to reach; None if there is none.
        note: further facts, such as the largest difference of the results.
    """

    case: str
    baseline_name: str
    baseline: Sequence[float]
    ours: Sequence[float]
    goal: float | None = None
    note: str = ""

    @property
    def ratios(self) -> list[float]:
        """How many times faster ours is, of each round: slow phases of the machine change both sides of a round."""
        return [baseline / ours for baseline, ours in zip(self.baseline, self.ours, strict=True)]

    @property
    def ratio(self) -> float:
        """Median of the rounds' ratios."""
        return median(self.ratios)

    @property
    def reached(self) -> bool | None:
        """Whether the ratio reaches the goal; None without a goal."""
        return None if self.goal is None else self.ratio >= self.goal


@dataclass(frozen=True)
class Measurement:
    """Values of one side alone.

    Attributes:
        case: what is measured.
        unit: of the values.
        values: one a round.
        goal: value to reach; None if there is none.
        better: which values reach the goal: those of at most, or of at least, the goal.
        note: further facts.
    """

    case: str
    unit: str
    values: Sequence[float]
    goal: float | None = None
    better: Literal["lower", "higher"] = "lower"
    note: str = ""

    @property
    def value(self) -> float:
        """Median of the rounds."""
        return median(self.values)

    @property
    def reached(self) -> bool | None:
        """Whether the value reaches the goal; None without a goal."""
        if self.goal is None:
            return None
        return self.value <= self.goal if self.better == "lower" else self.value >= self.goal


Row = Comparison | Measurement


@dataclass
class Progress:
    """Progress of one benchmark on stderr, with the time that is left; several lines where that is no terminal.

    Attributes:
        title: begins each line.
        seconds: wall time of each case after which no further round begins, beyond the least number of rounds.
        quick: few rounds and small cases.
    """

    title: str
    seconds: float = 60.0
    quick: bool = False
    _shown: float = field(default=0.0, repr=False)

    def show(self, case: str, done: int, total: int, least: int, began: float) -> None:
        """Show that `done` of `total` rounds of a case are done, of which `least` are run however long they take."""
        now = time.monotonic()
        if now - self._shown < PROGRESS_SECONDS and done < total:
            return
        self._shown = now
        each = (now - began) / done
        fitting = max(int((self.seconds - (now - began)) / max(each, 1e-9)), least - done)
        left = each * max(min(total - done, fitting), 0)
        text = f"{self.title}: {case}: {done} of {total}" + (f", {left:.0f} s left" if done < total else "")
        print(text, file=sys.stderr, flush=True)


def interleave(
    case: str, sides: Mapping[str, Action], rounds: int, progress: Progress, *, warm_ups: int = 1
) -> dict[str, list[float]]:
    """Run sides in turn and return the seconds of processor time of each, one entry a round.

    Processor time is that of all threads of this process, so that other work on the machine counts little. The order
    of the sides is reversed after each round, so that none always follows another. With `progress.quick` there are
    only the fewest rounds.

    Args:
        case: named in the progress.
        sides: what is run, by name.
        rounds: rounds that count.
        progress: gets each round, and limits the time.
        warm_ups: rounds before, which do not count.
    """
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    total = warm_ups + (MIN_ROUNDS if progress.quick else rounds)
    began = time.monotonic()
    for number in range(total):
        late = time.monotonic() - began > progress.seconds
        if late and len(next(iter(seconds.values()))) >= MIN_ROUNDS:
            break
        for name in sides if number % 2 else reversed(sides):  # type: ignore[call-overload]
            start = time.process_time()
            sides[name]()
            spent = time.process_time() - start
            if number >= warm_ups:
                seconds[name].append(spent)
        progress.show(case, number + 1, total, warm_ups + MIN_ROUNDS, began)
    return seconds


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """Return the first and third quartile: medians of the halves, the middle value in both."""
    ordered, half = sorted(values), (len(values) + 1) // 2
    return median(ordered[:half]), median(ordered[-half:])


def to_json(row: Row) -> dict[str, Any]:
    """Convert a row to JSON: its fields and what follows from them."""
    follows = {"ratio": row.ratio} if isinstance(row, Comparison) else {"value": row.value}
    return {"kind": type(row).__name__, **asdict(row), **follows, "reached": row.reached}


def from_json(entry: Mapping[str, Any]) -> Row:
    """Invert `to_json`."""
    kind = {"Comparison": Comparison, "Measurement": Measurement}[entry["kind"]]
    return kind(**{name: entry[name] for name in kind.__dataclass_fields__})


def print_rows(rows: Sequence[Row]) -> None:
    """Print rows for a reader of the terminal."""
    console = Console(width=140, highlight=False)
    for row in rows:
        goal = "" if row.goal is None else f", goal {row.goal:g}: {'reached' if row.reached else 'missed'}"
        number = f"{row.ratio:.2f}x" if isinstance(row, Comparison) else f"{row.value:.3g} {row.unit}"
        console.print(f"  {row.case}: {number}{goal}" + (f" ({row.note})" if row.note else ""), markup=False)
