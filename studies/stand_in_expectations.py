"""Expected grades of generators with known faults by each metric, with reasons, written before the measurement.

A metric is expected to grade a generator as good, for the reason in its row, unless the row names the generator as one
that the metric must detect (`wrong`), or as one for which no grade could be predicted (`open`).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from facegen.core.evidence import Figure
from facegen.evaluation.verdicts.quantities import (
    MissingError,
    Quantity,
    excess,
    frechet_ratio,
    normalised_matching,
    pixel_variation,
    read,
)

GENERATORS: Mapping[str, str] = {
    "perfect": "the renderer itself: the voice's factors as they are, all else from the noise",
    "memoriser": "training faces of the nearest training voices; the noise chooses among eight",
    "collapsed": "the renderer, but all else follows from the voice: one face a voice",
    "unconditional": "the renderer, but the voice's factors follow from the noise, too",
    "stereotyper": "the voice's factors half as far again from their middle, all else nearer to its middle",
    "noise": "every pixel by chance",
    "blurred": "the renderer, at a quarter of the resolution",
    "one_face": "one good face, whatever the voice and the noise",
}
EXPECTED_KINDS: Mapping[str, frozenset[str]] = {
    "perfect": frozenset(),
    "memoriser": frozenset({"memory"}),
    "collapsed": frozenset({"collapse"}),
    "unconditional": frozenset({"condition"}),
    "stereotyper": frozenset({"overshoot"}),
    "noise": frozenset({"realism", "detail", "condition"}),
    "blurred": frozenset({"detail"}),
    "one_face": frozenset({"collapse", "people", "condition"}),
}
"""{generator: kinds of verdict that must be among the faults in its report}; `perfect` must have none."""
_DEAF = {
    "unconditional": "the voice is ignored",
    "noise": "noise tells nothing of a voice",
    "one_face": "one face suits all voices alike",
}
_CARRIED = ("sex", "age", "size", "fullness", "nose", "lips", "tension")
_NOT_CARRIED = ("skin", "eye_spacing", "face_length", "glasses")


@dataclass(frozen=True)
class Row:
    """One quantity of a metric, its limits and its expected grades.

    Attributes:
        metric: name of the metric.
        reads: the quantity, in words.
        quantity: computes the quantity from the figures of a report.
        warning, bad: limits of the grades; `bad` below `warning` means that low values are bad.
        sees: what the metric measures and what it is blind to.
        wrong: {generator: why the metric must detect its fault}.
        open: {generator: why no grade is expected}.
        learnt: {generator: why the metric does not detect it after all}, written after the measurement.
    """

    metric: str
    reads: str
    quantity: Callable[[Mapping[str, Figure]], Quantity]
    warning: float
    bad: float
    sees: str
    wrong: Mapping[str, str]
    open: Mapping[str, str] = field(default_factory=dict)
    learnt: Mapping[str, str] = field(default_factory=dict)

    def grade(self, quantity: Quantity) -> str:
        """Return good, warning, bad or undecided as verdicts do: the milder grade of both ends of the interval."""
        sign = 1 if self.bad >= self.warning else -1
        grades = [
            2 if sign * end > sign * self.bad else 1 if sign * end > sign * self.warning else 0
            for end in (quantity.low, quantity.high)
        ]
        if 0 in grades and grades != [0, 0]:
            return "undecided"
        return ("good", "warning", "bad")[min(grades)]

    def expected(self, generator: str) -> str:
        """Return the expected grade of a generator: good, wrong or open."""
        return "wrong" if generator in self.wrong else "open" if generator in self.open else "good"


def _figure(figures: Mapping[str, Figure], key: str) -> Figure:
    figure = figures.get(key)
    if figure is None or not math.isfinite(figure.value):
        raise MissingError(f"the report has no figure '{key}'" if figure is None or not figure.note else figure.note)
    return figure


def _of_real(generated: str, real: str) -> Callable[[Mapping[str, Figure]], Quantity]:
    """Build the quantity: a figure of generated faces as a share of that of real faces."""

    def quantity(figures: Mapping[str, Figure]) -> Quantity:
        drawn, scale = _figure(figures, generated), _figure(figures, real).value
        low, high = (drawn.value if end is None else end for end in (drawn.low, drawn.high))
        return Quantity(drawn.value / scale, low / scale, high / scale, "")

    return quantity


def _of_chance(name: str) -> Callable[[Mapping[str, Figure]], Quantity]:
    """Build the quantity: a figure in units of its chance level."""

    def quantity(figures: Mapping[str, Figure]) -> Quantity:
        figure = _figure(figures, name)
        chance = figure.chance or math.nan
        low, high = (figure.value if end is None else end for end in (figure.low, figure.high))
        return Quantity(figure.value / chance, low / chance, high / chance, "")

    return quantity


def _at_least(quantity: Callable[[Mapping[str, Figure]], Quantity]) -> Callable[[Mapping[str, Figure]], Quantity]:
    """Build the quantity: the lower end of a quantity's interval."""

    def least(figures: Mapping[str, Figure]) -> Quantity:
        interval = quantity(figures)
        return Quantity(interval.low, interval.low, interval.low, interval.numbers)

    return least


def _of_deviation(name: str) -> Callable[[Mapping[str, Figure]], Quantity]:
    """Build the quantity: a distance with expectation 0, in units of its deviation over subsets."""

    def quantity(figures: Mapping[str, Figure]) -> Quantity:
        figure = _figure(figures, name)
        ratio = figure.value / (figure.deviation or math.nan)
        return Quantity(ratio, ratio, ratio, "")

    return quantity


def _mean(names: tuple[str, ...], ending: str) -> Callable[[Mapping[str, Figure]], Quantity]:
    """Build the quantity: the mean over the factors that the reader can read, of values and of interval ends.

    Averaging the ends gives an interval that is rather too wide.
    """

    def quantity(figures: Mapping[str, Figure]) -> Quantity:
        measured = [figures[key] for name in names if (key := f"factors.{name}.{ending}") in figures]
        measured = [figure for figure in measured if math.isfinite(figure.value)]
        if not measured:
            raise MissingError("no factor that can be read varies")
        ends = [[figure.value if end is None else end for figure in measured for end in [getattr(figure, side)]]
                for side in ("value", "low", "high")]  # fmt: skip
        value, low, high = (sum(values) / len(values) for values in ends)
        return Quantity(value, low, high, "")

    return quantity


def _unlike_one(name: str) -> Callable[[Mapping[str, Figure]], Quantity]:
    """Build the quantity: max(r, 1 / r) of a ratio r whose ideal value is 1."""

    def quantity(figures: Mapping[str, Figure]) -> Quantity:
        quantity = read(name)(figures)
        ends = sorted(max(end, 1 / end) if end > 0 else math.inf for end in (quantity.low, quantity.high))
        value = max(quantity.value, 1 / quantity.value) if quantity.value > 0 else math.inf
        return Quantity(value, min(ends[0], value), ends[1], "")

    return quantity


_PARTLY = {"stereotyper": "how many leave the real ones' range depends on its strength",
           "blurred": "whether blur leaves the range depends on the judge"}  # fmt: skip
_TOO_FEW = "among so many people chance is about one face in all, so that more faces would be needed to tell"
_KEPT = "whether the face belongs to the voice, not whether it is good, nor whether others of the voice differ"

ROWS: tuple[Row, ...] = (
    Row("fidelity", "Inception Score, of real faces'",
        _of_real("fidelity.inception.score.generated", "fidelity.inception.score.real"), 0.67, 0.33,
        "how sure a classifier is of faces, and how many classes there are: blind to collapse, as there is one face "
        "for every voice still, to repetition, and to whose face it is",
        {"noise": "noise shows nothing to be sure of", "one_face": "one class"},
        {"blurred": "faces are no class of it", "stereotyper": "faces are no class of it"}),
    Row("identity", "identity score, of real faces'",
        _of_real("identity.score.generated", "identity.score.real"), 0.67, 0.33,
        "the same, with the judge's people for classes: blind to the same",
        {"noise": "noise is nobody", "one_face": "one person"}, {"blurred": "blurred faces might be anybody's"},
        {"noise": "the formula knows no 'none of these': each picture of noise is nearest to somebody, and to another "
                  "one than the next, so that it scores like faces; density and detail find it out"}),
    Row("frechet", "Frechet distance of halves, of real faces'", frechet_ratio, 1.5, 3.0,
        "mean and covariance of all faces together: blind to how voices and faces go together, hence to collapse",
        {"stereotyper": "it spreads what the voice tells", "noise": "no faces", "blurred": "blurred ones",
         "one_face": "no variance"}),
    Row("fidelity", "KID in the judge's features, of its deviation", _of_deviation("fidelity.judge.kid"), 2.0, 5.0,
        "as Frechet's distance, but of all moments up to the third",
        {"stereotyper": "it spreads what the voice tells", "noise": "no faces", "blurred": "blurred ones",
         "one_face": "no variance"}),
    Row("fidelity", "precision in the judge's features", read("fidelity.judge.precision"), 0.67, 0.33,
        "whether each face lies among real ones: blind to how many there are of what",
        {"noise": "no faces"}, _PARTLY),
    Row("fidelity", "recall in the judge's features", read("fidelity.judge.recall"), 0.67, 0.33,
        "whether each real face lies among generated ones, of all voices together",
        {"noise": "no faces", "one_face": "one point"}, _PARTLY),
    Row("fidelity", "density in the judge's features", read("fidelity.judge.density"), 0.5, 0.1,
        "as precision, but an outlying real face alone makes no faces good", {"noise": "no faces"}, _PARTLY),
    Row("fidelity", "coverage in the judge's features", read("fidelity.judge.coverage"), 0.67, 0.33,
        "as recall, but an outlying generated face alone covers nothing",
        {"noise": "no faces", "one_face": "one point"}, _PARTLY),
    Row("sharpness", "detail, times too much or too little", _unlike_one("sharpness.detail"), 1.5, 3.0,
        "fine detail, whether it makes sense or not",
        {"noise": "all is detail", "blurred": "detail is gone"}, {"one_face": "it has the detail that one face has"}),
    Row("diversity", "variation with the noise, of one person's", read("diversity.share_of_real"),
        0.5, 0.15, "faces of one voice beside each other, whatever they show",
        {"collapsed": "the noise changes nothing", "one_face": "the noise changes nothing"}),
    Row("diversity", "pixel variation with the noise, of real people's", pixel_variation, 0.3, 0.15,
        "the same in pixels, so that what no judge looks at counts, too",
        {"collapsed": "the noise changes nothing", "one_face": "the noise changes nothing"}),
    Row("people_covered", "people covered, of second real faces'", read("people_covered.share_of_real"), 0.5, 0.25,
        "how many people there are among all faces, whoever they are meant to be",
        {"one_face": "one person"}, {"noise": "whom noise is nearest to depends on the judge"}),
    Row("memorisation", "memorised share", read("memorisation.share"), 0.15, 0.5,
        "nearness to training faces, and nothing else", {"memoriser": "its faces are training faces"},
        {"stereotyper": "typical faces have near neighbours in any set"}),
    Row("matching", "V-F 10-way above chance, of real faces'", normalised_matching, 0.5, 0.1, _KEPT, _DEAF,
        {"blurred": "how much of a voice shows in coarse faces depends on the judge"}),
    Row("matching", "V-F 10-way less real faces', lower end", _at_least(excess("v2f")), 0.0, 0.15,
        "faces that are easier to match than real ones", {"stereotyper": "it exaggerates what is matched by"}),
    Row("preference", "preferred to the true face", read("preference.over_true"), 0.55, 0.65,
        "faces that suit the voice better than the true one", {"stereotyper": "it exaggerates what suits"}),
    Row("retrieval", "R@10 by cosine, of chance", _of_chance("retrieval.r10.cosine"), 2.0, 1.25, _KEPT, _DEAF),
    Row("identity", "identity accuracy, of chance", _of_chance("identity.accuracy.generated"), 2.0, 1.25,
        _KEPT, _DEAF, {}, dict.fromkeys(_DEAF, _TOO_FEW)),
    Row("correlation", "correlation of distances, of real faces'",
        _of_real("correlation.generated",
                 "correlation.real"), 0.5, 0.1,
        "whether voices that differ give faces that differ", _DEAF),
    Row("factors", "what the voice carries, of what is read from real faces",
        _of_real("factors.carried.generated", "factors.carried.real"), 0.5, 0.1,
        "hidden factors that voice and face share, against the truth", _DEAF,
        {"blurred": "a reader of sharp faces may not read blurred ones"}),
    Row("factors", "spread of what the voice carries", _mean(_CARRIED, "spread"), 1.15, 1.5,
        "how far those factors reach, rightly or wrongly",
        {"stereotyper": "half as far again, but for sex, which has two classes"},
        {"noise": "what is read from noise is not bounded", "blurred": "nor what is read from blurred faces"}),
    Row("factors", "share of the voice in what it does not carry", _mean(_NOT_CARRIED, "share_of_condition"),
        0.25, 0.5, "whether the voice decides what voices do not tell",
        {"collapsed": "the voice decides all"},
        {"memoriser": "the nearest eight voices have eight faces", "one_face": "nothing varies"}),
)  # fmt: skip
