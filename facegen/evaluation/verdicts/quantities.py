"""Quantities that verdicts grade, computed from the figures of a report."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from facegen.core.evidence import Figure
from facegen.core.interfaces import Direction

Figures = Mapping[str, Figure]


@dataclass(frozen=True)
class Quantity:
    """Number with an interval that a rule grades.

    Attributes:
        value: the number.
        low, high: ends of its interval; the value itself if there is none.
        numbers: text with the figures that it is computed from.
    """

    value: float
    low: float
    high: float
    numbers: str


class MissingError(Exception):
    """A figure that a rule reads is missing; the message names it and gives the reason."""


def _get(figures: Figures, *keys: str) -> Figure:
    """Return the first of these figures that has a number; raise MissingError if none has."""
    reasons = []
    for key in keys:
        figure = figures.get(key)
        if figure is not None and math.isfinite(figure.value):
            return figure
        label = key if figure is None else figure.label
        reasons.append(f"'{label}' is " + (figure.note if figure is not None and figure.note else "not measured"))
    raise MissingError(reasons[0])


def _ends(figure: Figure) -> tuple[float, float]:
    """Return the ends of the interval, or the value twice if there is none."""
    low = figure.value if figure.low is None else figure.low
    high = figure.value if figure.high is None else figure.high
    return low, high


def _described(figure: Figure) -> str:
    """Format a figure with its label and interval."""
    interval = "" if figure.low is None or figure.high is None else f", {figure.low:.3g} to {figure.high:.3g}"
    return f"{figure.label}: {figure.value:.3g}{interval}"


def read(key: str) -> Callable[[Figures], Quantity]:
    """Make a quantity that is a figure itself."""

    def quantity(figures: Figures) -> Quantity:
        figure = _get(figures, key)
        return Quantity(figure.value, *_ends(figure), _described(figure))

    return quantity


def frechet_ratio(figures: Figures) -> Quantity:
    """Compute the Frechet distance of generated from real faces, divided by that between halves of the real ones."""
    real = _get(figures, "frechet.judge.real_halves")
    drawn = _get(figures, "frechet.judge.generated_half_to_real_half")
    if real.value <= 0:
        raise MissingError(f"'{real.label}' is 0")
    ratio = drawn.value / real.value
    numbers = f"Frechet distance to real faces {drawn.value:.3g}; between halves of the real faces {real.value:.3g}"
    return Quantity(ratio, ratio, ratio, numbers)


def pixel_variation(figures: Figures) -> Quantity:
    """Compute the pixel distance under other noise, divided by that between real people."""
    own = _get(figures, "diversity.pixel_distance.one_voice_other_noise")
    real = _get(figures, "diversity.pixel_distance.real_other_person")
    if real.value <= 0:
        raise MissingError(f"'{real.label}' is 0")
    numbers = f"{_described(own)}; between real people {real.value:.3g}"
    low, high = _ends(own)
    return Quantity(own.value / real.value, low / real.value, high / real.value, numbers)


def normalised_matching(figures: Figures) -> Quantity:
    """Compute matching of generated faces above chance, divided by that of real faces."""
    drawn = _get(figures, "matching.v2f.10.generated", "matching.v2f.2.generated")
    real = _get(figures, drawn.key.replace("generated", "real"))
    chance = drawn.chance or 0.0
    if _ends(real)[0] <= chance:
        raise MissingError(f"the judge does not match real faces above chance ({_described(real)})")
    low, high = ((end - chance) / (real.value - chance) for end in _ends(drawn))
    numbers = f"{_described(drawn)}; real faces {real.value:.3g}, chance {chance:.3g}"
    return Quantity((drawn.value - chance) / (real.value - chance), low, high, numbers)


def above_chance(figures: Figures, *keys: str) -> Quantity:
    """Compute the first of these figures that has a number, minus its chance level."""
    figure = _get(figures, *keys)
    chance = figure.chance or 0.0
    low, high = _ends(figure)
    numbers = f"{_described(figure)}; chance {chance:.3g}"
    return Quantity(figure.value - chance, low - chance, high - chance, numbers)


def judge_fails_on_real_faces(figures: Figures) -> bool:
    """Return whether the judge does not match real faces above chance."""
    try:
        real = _get(figures, "matching.v2f.10.real", "matching.v2f.2.real")
    except MissingError:
        return False
    return _ends(real)[0] <= (real.chance or 0.0)


def excess(direction: Direction) -> Callable[[Figures], Quantity]:
    """Make a quantity: matching of generated faces minus that of real ones."""

    def quantity(figures: Figures) -> Quantity:
        drawn = _get(figures, f"matching.{direction}.10.generated", f"matching.{direction}.2.generated")
        real = _get(figures, drawn.key.replace("generated", "real"))
        difference = _get(figures, f"{drawn.key}_less_real")
        numbers = f"{_described(difference)}; real faces {real.value:.3g}"
        return Quantity(difference.value, *_ends(difference), numbers)

    return quantity
