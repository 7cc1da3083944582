"""What verdicts read from the figures of a report: a quantity with its interval, and the numbers behind it in words."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from facegen.core.evidence import Figure

Figures = Mapping[str, Figure]


@dataclass(frozen=True)
class Quantity:
    """What a rule grades.

    Attributes:
        value: the number.
        low, high: the ends of its interval; the value itself where there is none.
        numbers: the figures behind it, in words.
    """

    value: float
    low: float
    high: float
    numbers: str


class MissingError(Exception):
    """A figure that a rule reads is not there; says which one, and why."""


def _get(figures: Figures, *names: str) -> Figure:
    """The first of these figures that there is."""
    reasons = []
    for name in names:
        figure = figures.get(name)
        if figure is not None and math.isfinite(figure.value):
            return figure
        reasons.append(f"'{name}' is " + (figure.note if figure is not None and figure.note else "not measured"))
    raise MissingError(reasons[0])


def _ends(figure: Figure) -> tuple[float, float]:
    low = figure.value if figure.low is None else figure.low
    high = figure.value if figure.high is None else figure.high
    return low, high


def _said(figure: Figure, name: str | None = None) -> str:
    """A figure in words."""
    interval = "" if figure.low is None or figure.high is None else f", {figure.low:.3g} to {figure.high:.3g}"
    return f"{name or figure.name}: {figure.value:.3g}{interval}"


def read(name: str) -> Callable[[Figures], Quantity]:
    """A figure as it is."""

    def quantity(figures: Figures) -> Quantity:
        figure = _get(figures, name)
        return Quantity(figure.value, *_ends(figure), _said(figure))

    return quantity


def unlikeness(figures: Figures) -> Quantity:
    """The distance of generated faces from real ones, in units of that between two halves of the real ones."""
    real = _get(figures, "judge Frechet distance, real halves")
    drawn = _get(figures, "judge Frechet distance, generated half to real half")
    if real.value <= 0:
        raise MissingError(f"'{real.name}' is 0")
    ratio = drawn.value / real.value
    numbers = f"Frechet distance {drawn.value:.3g} to real faces, which lie {real.value:.3g} from each other"
    return Quantity(ratio, ratio, ratio, numbers)


def pixel_variation(figures: Figures) -> Quantity:
    """Pixel distance under other noise, in units of that between real people."""
    own = _get(figures, "pixel distance, one voice, other noise")
    real = _get(figures, "pixel distance, real, other person")
    if real.value <= 0:
        raise MissingError(f"'{real.name}' is 0")
    numbers = f"{_said(own)}; between real people {real.value:.3g}"
    low, high = _ends(own)
    return Quantity(own.value / real.value, low / real.value, high / real.value, numbers)


def kept(figures: Figures) -> Quantity:
    """Matching of generated faces above chance, as a share of what real faces reach above chance."""
    drawn = _get(figures, "V-F 10-way, generated", "V-F 2-way, generated")
    real = _get(figures, drawn.name.replace("generated", "real"))
    chance = drawn.chance or 0.0
    if _ends(real)[0] <= chance:
        raise MissingError(f"the judge itself does not match real faces above chance ({_said(real)})")
    low, high = ((end - chance) / (real.value - chance) for end in _ends(drawn))
    numbers = f"{_said(drawn)}; real faces {real.value:.3g}, chance {chance:.3g}"
    return Quantity((drawn.value - chance) / (real.value - chance), low, high, numbers)


def judge_is_blind(figures: Figures) -> bool:
    """It does not match real faces above chance."""
    try:
        real = _get(figures, "V-F 10-way, real", "V-F 2-way, real")
    except MissingError:
        return False
    return _ends(real)[0] <= (real.chance or 0.0)


def excess(direction: str) -> Callable[[Figures], Quantity]:
    """Matching of generated faces less that of real ones."""

    def quantity(figures: Figures) -> Quantity:
        drawn = _get(figures, f"{direction} 10-way, generated", f"{direction} 2-way, generated")
        real = _get(figures, drawn.name.replace("generated", "real"))
        more = _get(figures, f"{drawn.name} less real")
        return Quantity(more.value, *_ends(more), f"{_said(more)}; real faces {real.value:.3g}")

    return quantity
