"""Figures of runs in one folder, and three-valued comparisons of figures with intervals."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from scipy.stats import norm, spearmanr

from facegen.evaluation.report import number

SEEN, KNOWN, STRANGERS = "train", "heldout_utterances", "heldout_people"
Holds = bool | None
"""True, False, or None if the intervals do not decide."""


@dataclass(frozen=True)
class Value:
    """A figure with its 95% interval.

    Attributes:
        value: the number; NaN if it was not measured.
        low, high: ends of the interval; NaN without an interval: such a figure is shown and decides nothing.
        chance: value of a guess; NaN if there is no such value.
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    chance: float = math.nan

    def __str__(self) -> str:
        if math.isnan(self.value):
            return "not measured"
        return number(self.value) + ("" if math.isnan(self.low) else f" ({number(self.low)} to {number(self.high)})")

    def above(self, other: "Value | float") -> Holds:
        """Compare beyond both intervals, or beyond a limit; None if they overlap or one has no interval."""
        low, high = (other.low, other.high) if isinstance(other, Value) else (other, other)
        return True if self.low > high else False if self.high < low else None

    def less(self, exact: float) -> "Value":
        """Subtract a number that is known exactly."""
        return Value(self.value - exact, self.low - exact, self.high - exact)

    def over(self, other: "Value") -> "Value":
        """Divide by another figure, with both at the far ends of their intervals, so that the result is not too narrow.

        The result is NOTHING if the divisor is not above 0.
        """
        if not other.value > 0 or other.low <= 0:
            return NOTHING
        ends = [end / divisor for end in (self.low, self.high) for divisor in (other.low, other.high)]
        known = not any(math.isnan(end) for end in ends)
        return Value(self.value / other.value, *((min(ends), max(ends)) if known else ()))


NOTHING = Value(math.nan)


class Results:
    """Reports and logs of the runs in one folder.

    Args:
        folder: folder of the runs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read = cache(_read)

    def has(self, run: str) -> bool:
        """Tell whether a run has a report of any split."""
        return any((self.folder / run / "evaluation").glob("*.json"))

    def report(self, run: str, split: str) -> Mapping[str, Any]:
        """Return a run's report as read from JSON; empty if there is none."""
        return self._read(self.folder / run / "evaluation" / f"{split}.json")

    def figure(self, run: str, key: str, split: str = KNOWN) -> Value:
        """Return one figure of a run's report by its key; NOTHING if it is missing."""
        for figures in self.report(run, split).get("figures", {}).values():
            for figure in figures:
                if figure["key"] == key and figure["value"] is not None:
                    bounds = (figure.get(name) for name in ("low", "high", "chance"))
                    return Value(figure["value"], *(math.nan if bound is None else bound for bound in bounds))
        return NOTHING

    def identity(self, run: str, split: str = KNOWN) -> Value:
        """Return the identity accuracy of generated faces."""
        return self.figure(run, "identity.accuracy.generated", split)

    def kept(self, run: str, split: str = SEEN) -> Value:
        """Return the identity accuracy above chance, as a share of that of real faces."""
        drawn, real = (self.figure(run, f"identity.accuracy.{kind}", split) for kind in ("generated", "real"))
        return drawn.less(drawn.chance).over(real.less(real.chance))

    def diversity(self, run: str, split: str = SEEN) -> Value:
        """Return the distance between one person's generated faces, as a share of that between their real faces."""
        return self.figure(run, "diversity.share_of_real", split)

    def variation(self, run: str, split: str = KNOWN) -> Value:
        """Return the pixel distance of one person's generated faces, as a share of that between real people."""
        distance = self.figure(run, "diversity.pixel_distance.one_voice_other_noise", split)
        return distance.over(self.figure(run, "diversity.pixel_distance.real_other_person", split))

    def detail(self, run: str, split: str = SEEN) -> Value:
        """Return the detail of generated faces, as a share of that of real faces."""
        return self.figure(run, "sharpness.detail", split)

    def density(self, run: str, split: str = SEEN) -> Value:
        """Return the density of generated faces among real ones, 1 for equal distributions."""
        return self.figure(run, "fidelity.judge.density", split)

    def logged(self, run: str, name: str) -> Value:
        """Return the last value of a quantity in a run's log."""
        path, latest = self.folder / run / "log.jsonl", math.nan
        for line in path.read_text().splitlines() if path.exists() else []:
            latest = _find(json.loads(line), name, latest)
        return Value(latest)


def _read(path: Path) -> Mapping[str, Any]:
    return json.loads(path.read_text()) if path.exists() else {}


def _find(entry: Mapping[str, Any], name: str, default: float) -> float:
    for key, value in entry.items():
        if isinstance(value, Mapping):
            default = _find(value, name, default)
        elif key.split("/")[-1] == name:
            default = float(value)
    return default


def together(*statements: Holds) -> Holds:
    """Return the conjunction: False if one is False, else None if one is None."""
    return False if False in statements else None if None in statements else True


def negated(statement: Holds) -> Holds:
    """Return the negation; None stays None."""
    return None if statement is None else not statement


def given(premise: Holds, statement: Holds) -> Holds:
    """Return the statement if its premise holds, else None."""
    return statement if premise else None


def about_equal(one: Value, other: Value, margin: float) -> Holds:
    """Return True if the two certainly differ by less than a margin, False if certainly by more, else None."""
    least, most = one.low - other.high, one.high - other.low
    if -margin < least and most < margin:
        return True
    return False if least > margin or most < -margin else None


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> Value:
    """Return Spearman's coefficient with the interval of Bonett and Wright 2000; NOTHING below five pairs."""
    if len(one) < 5:
        return NOTHING
    coefficient = float(spearmanr(one, other).statistic)
    if not abs(coefficient) < 1:
        return Value(coefficient)
    reach = norm.ppf(0.975) * math.sqrt((1 + coefficient**2 / 2) / (len(one) - 3))
    return Value(coefficient, *(math.tanh(math.atanh(coefficient) + side * reach) for side in (-1, 1)))
