"""Figures of runs that lie side by side, and what can be said of them beyond their intervals."""

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
"""True, False, or None where the intervals do not tell."""


@dataclass(frozen=True)
class Value:
    """A figure with its 95% interval.

    Attributes:
        value: the number; NaN where it was not measured.
        low, high: NaN where there is no interval: such a figure is shown, and decides nothing.
        chance: what guessing would give; NaN where that means nothing.
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
        """Beyond both intervals, or beyond a limit; None where they overlap, or one of them has none."""
        low, high = (other.low, other.high) if isinstance(other, Value) else (other, other)
        return True if self.low > high else False if self.high < low else None

    def less(self, exact: float) -> "Value":
        """Less a number that is known exactly."""
        return Value(self.value - exact, self.low - exact, self.high - exact)

    def over(self, other: "Value") -> "Value":
        """Divided by another figure, with both at the far ends of their intervals: rather too wide than too narrow.

        Nothing where the other one is not above 0.
        """
        if not other.value > 0 or other.low <= 0:
            return NOTHING
        ends = [end / divisor for end in (self.low, self.high) for divisor in (other.low, other.high)]
        known = not any(math.isnan(end) for end in ends)
        return Value(self.value / other.value, *((min(ends), max(ends)) if known else ()))


NOTHING = Value(math.nan)


class Results:
    """The reports and logs of runs that lie side by side.

    Args:
        folder: of the runs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read = cache(_read)

    def report(self, run: str, split: str) -> Mapping[str, Any]:
        """A run's report as its JSON has it; empty where there is none."""
        return self._read(self.folder / run / "evaluation" / f"{split}.json")

    def figure(self, run: str, key: str, split: str = KNOWN) -> Value:
        """Read one figure of a run's report by its key; NOTHING where there is none."""
        for figures in self.report(run, split).get("figures", {}).values():
            for figure in figures:
                if figure["key"] == key and figure["value"] is not None:
                    bounds = (figure.get(name) for name in ("low", "high", "chance"))
                    return Value(figure["value"], *(math.nan if bound is None else bound for bound in bounds))
        return NOTHING

    def identity(self, run: str, split: str = KNOWN) -> Value:
        """Identity accuracy of generated faces."""
        return self.figure(run, "identity.accuracy.generated", split)

    def kept(self, run: str, split: str = SEEN) -> Value:
        """The same above chance, as a share of what real faces reach above it."""
        drawn, real = (self.figure(run, f"identity.accuracy.{kind}", split) for kind in ("generated", "real"))
        return drawn.less(drawn.chance).over(real.less(real.chance))

    def diversity(self, run: str, split: str = SEEN) -> Value:
        """Distance of one person's generated faces, as a share of that between one person's real ones."""
        return self.figure(run, "diversity.share_of_real", split)

    def variation(self, run: str, split: str = KNOWN) -> Value:
        """Pixel distance of one person's generated faces, as a share of that between real people."""
        found = self.figure(run, "diversity.pixel_distance.one_voice_other_noise", split)
        return found.over(self.figure(run, "diversity.pixel_distance.real_other_person", split))

    def detail(self, run: str, split: str = SEEN) -> Value:
        """Detail of generated faces as a share of real ones'."""
        return self.figure(run, "sharpness.detail", split)

    def density(self, run: str, split: str = SEEN) -> Value:
        """How densely generated faces lie among real ones, 1 for faces that do not differ."""
        return self.figure(run, "fidelity.judge.density", split)

    def logged(self, run: str, name: str) -> Value:
        """The last value of a measure in a run's log."""
        path, found = self.folder / run / "log.jsonl", math.nan
        for line in path.read_text().splitlines() if path.exists() else []:
            found = _find(json.loads(line), name, found)
        return Value(found)


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
    """A conjunction: false if one is, unknown if one is and none is false."""
    return False if False in statements else None if None in statements else True


def negated(statement: Holds) -> Holds:
    """The contrary; what is unknown stays so."""
    return None if statement is None else not statement


def given(premise: Holds, statement: Holds) -> Holds:
    """A statement that means something where its premise holds, and is unknown elsewhere."""
    return statement if premise else None


def about_equal(one: Value, other: Value, margin: float) -> Holds:
    """True where the two differ by less than a margin for certain, False where by more for certain."""
    least, most = one.low - other.high, one.high - other.low
    if -margin < least and most < margin:
        return True
    return False if least > margin or most < -margin else None


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> Value:
    """Spearman's, with the interval of Bonett and Wright 2000, on Fisher's scale; without one below five pairs."""
    if len(one) < 5:
        return NOTHING
    found = float(spearmanr(one, other).statistic)
    if not abs(found) < 1:
        return Value(found)
    reach = norm.ppf(0.975) * math.sqrt((1 + found**2 / 2) / (len(one) - 3))
    return Value(found, *(math.tanh(math.atanh(found) + side * reach) for side in (-1, 1)))
