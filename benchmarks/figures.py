"""Figures of runs that lie side by side, and what can be said of two of them beyond their intervals."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SEEN, KNOWN, STRANGERS = "train", "heldout_utterances", "heldout_people"
FRECHET_DOUBT = 0.2
"""So much of a Frechet distance may be chance: a guess of ours, as 31 people are too few to resample."""
Holds = bool | None
"""True, False, or None where the intervals do not tell."""


@dataclass(frozen=True)
class Value:
    """A figure with its interval; without one, the interval is the value itself."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        if math.isnan(self.value):
            return "not measured"
        if self.low == self.high:
            return f"{self.value:.3g}"
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"

    def above(self, other: "Value | float") -> Holds:
        """Beyond both intervals; None where they overlap or a number is missing."""
        low, high = (other.low, other.high) if isinstance(other, Value) else (other, other)
        if any(math.isnan(number) for number in (self.low, self.high, low, high)):
            return None
        return True if self.low > high else False if self.high < low else None

    def over(self, other: "Value | float") -> "Value":
        """Divided by a number, or by another figure's value."""
        divisor = other.value if isinstance(other, Value) else other
        if not divisor:
            return NOTHING
        return Value(self.value / divisor, self.low / divisor, self.high / divisor)


NOTHING = Value(math.nan, math.nan, math.nan)


class Results:
    """The reports and logs of runs that lie side by side.

    Args:
        folder: of the runs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def figure(self, run: str, name: str, split: str = KNOWN) -> Value:
        """One figure of a run's report; NOTHING where there is none."""
        path = self.folder / run / "evaluation" / f"{split}.json"
        if not path.exists():
            return NOTHING
        for figures in json.loads(path.read_text())["figures"].values():
            for figure in figures:
                if figure["name"] == name and figure["value"] is not None:
                    low, high = figure.get("low"), figure.get("high")
                    known = low is not None and high is not None
                    return Value(figure["value"], *((low, high) if known else (figure["value"],) * 2))
        return NOTHING

    def identity(self, run: str, split: str = KNOWN) -> Value:
        """Identity accuracy of generated faces."""
        return self.figure(run, "identity accuracy, generated", split)

    def kept(self, run: str, split: str = KNOWN) -> Value:
        """The same, as a share of that of real faces."""
        return self.identity(run, split).over(self.figure(run, "identity accuracy, real", split))

    def variation(self, run: str, split: str = KNOWN) -> Value:
        """Pixel distance of one person's generated faces, as a share of that between real people."""
        found = self.figure(run, "pixel distance, one voice, other noise", split)
        return found.over(self.figure(run, "pixel distance, real, other person", split))

    def detail(self, run: str, split: str = SEEN) -> Value:
        """Detail of generated faces as a share of real ones', of which the training split has the most."""
        return self.figure(run, "detail, share of real faces'", split)

    def frechet(self, run: str, split: str = SEEN) -> Value:
        """Frechet distance in the judge's features; it has no interval, so a share is taken that may be chance."""
        found = self.figure(run, "judge Frechet distance", split)
        return Value(found.value, found.value * (1 - FRECHET_DOUBT), found.value * (1 + FRECHET_DOUBT))

    def logged(self, run: str, name: str) -> Value:
        """The last value of a measure in a run's log."""
        path, found = self.folder / run / "log.jsonl", math.nan
        for line in path.read_text().splitlines() if path.exists() else []:
            found = _find(json.loads(line), name, found)
        return Value(found, found, found)


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


def about_equal(one: Value, other: Value) -> Holds:
    """Neither lies beyond the other: intervals that overlap, which is as much as a sample can say."""
    if math.isnan(one.value) or math.isnan(other.value):
        return None
    return one.above(other) is None
