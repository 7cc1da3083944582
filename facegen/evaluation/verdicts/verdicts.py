"""Verdicts on a run, as sentences, from the figures of its report.

A rule computes one quantity from figures and grades both ends of its interval. If the two grades are equal, they are
the verdict. If neither end is good, the milder grade is the verdict. If one end is good and the other is not, or if a
figure is missing, the verdict is undecided.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from facegen.evaluation.figures import by_key
from facegen.evaluation.verdicts.matching_alone import matching_verdicts
from facegen.evaluation.verdicts.quantities import (
    Figures,
    MissingError,
    Quantity,
    excess,
    frechet_ratio,
    judge_fails_on_real_faces,
    normalised_matching,
    pixel_variation,
    read,
)
from facegen.evaluation.verdicts.verdict import UNDECIDED, Severity, Verdict

if TYPE_CHECKING:
    from facegen.evaluation.report import Report


@dataclass(frozen=True)
class Rule:
    """Rule that grades one quantity.

    Attributes:
        kind: subject of the rule; the worst verdict of several rules of a kind counts.
        question: clause after "whether" in the sentence of an undecided verdict.
        quantity: quantity to grade.
        warning, bad: limits beyond which the grade is "warning" and "bad"; if `bad` is above `warning`, high values are
            bad, otherwise low values.
        sentences: {grade: sentence}; the numbers follow in brackets.
    """

    kind: str
    question: str
    quantity: Callable[[Figures], Quantity]
    warning: float
    bad: float
    sentences: Mapping[Severity, str]

    def grade(self, value: float) -> Severity:
        """Grade a value; a value at a limit gets the better grade."""
        sign = 1 if self.bad >= self.warning else -1
        if sign * value > sign * self.bad:
            return "bad"
        return "warning" if sign * value > sign * self.warning else "good"

    def judge(self, figures: Figures) -> Verdict:
        """Return the verdict; raise MissingError if a figure is missing."""
        quantity = self.quantity(figures)
        grades = {self.grade(end) for end in (quantity.low, quantity.high)}
        if "good" in grades and len(grades) > 1:
            sentence = f"Undecided at this size whether {self.question} ({quantity.numbers}); evaluate more clips."
            return Verdict(UNDECIDED, "warning", sentence)
        grade = min(grades, key=_BADNESS.index)
        return Verdict(self.kind, grade, f"{self.sentences[grade]} ({quantity.numbers}).")


_BADNESS: tuple[Severity, ...] = ("good", "warning", "bad")
BLURRED, NOISY = 0.67, 1.5
"""Limits of the ratio of detail to that of real faces."""
COLLAPSED = 0.15
"""Limit of the variation of one condition's faces, as a share of that of real faces; also the monitor's threshold."""
KEPT, IGNORED = 0.5, 0.1
"""Limits of normalised matching for a condition that is followed, and for one that is ignored."""


def verdicts(report: "Report", known: "Report | None" = None) -> list[Verdict]:
    """Derive verdicts from the figures of a report.

    Args:
        report: report of any split.
        known: report of the same run and judge on people or clips that it was trained on, to compare with; None for no
            comparison.
    Returns:
        The worst first, undecided ones last: at least one per kind for a run that draws, and comparisons with chance
        for a run that only matches; none for a self-judged report, whose judge is not independent.
    """
    if report.self_judged:
        return []
    results = matching_verdicts(by_key(report)) if report.step is None else judge_figures(by_key(report))
    if report.step is not None and known is not None:
        results.append(_generalisation(by_key(report), by_key(known), report.split, known.split))
    return sorted(results, key=lambda verdict: (verdict.kind == UNDECIDED, -_BADNESS.index(verdict.severity)))


def judge_figures(figures: Figures) -> list[Verdict]:
    """Apply every rule; of several rules of a kind, keep the worst verdict."""
    results = []
    for kind in dict.fromkeys(rule.kind for rule in RULES):
        of_kind: list[Verdict] = []
        missing: list[str] = []
        rules = [rule for rule in RULES if rule.kind == kind]
        for rule in rules:
            try:
                of_kind.append(rule.judge(figures))
            except MissingError as reason:
                missing.append(str(reason))
        if of_kind:
            results.append(max(of_kind, key=_rank))
        else:
            sentence = f"Undecided whether {rules[0].question}: {' and '.join(missing)}."
            results.append(Verdict(UNDECIDED, "warning", sentence))
    return [_with_caveat(verdict) for verdict in results] if judge_fails_on_real_faces(figures) else results


def _with_caveat(verdict: Verdict) -> Verdict:
    """Add a caveat to overshoot by a judge that does not match real faces."""
    if verdict.kind != "overshoot" or verdict.severity == "good":
        return verdict
    return replace(verdict, sentence=f"{verdict.sentence} {_OVERFITTING_CAVEAT}")


def _rank(verdict: Verdict) -> float:
    """Rank by severity; undecided is between good and warning."""
    return 0.5 if verdict.kind == UNDECIDED else float(_BADNESS.index(verdict.severity))


_OVERSHOOTS: Mapping[Severity, str] = {
    "good": "The faces do not match the condition better than real faces do",
    "warning": "Overshoot: the faces match the condition somewhat better than real faces do; not an improvement",
    "bad": "Overshoot: the faces exaggerate what the condition reveals; they are stereotypes",
}

_OVERFITTING_CAVEAT = (
    "The judge does not match real faces above chance, so that this may be overfitting of run and judge to the same "
    "training people."
)

RULES: tuple[Rule, ...] = (
    Rule("realism", "the faces lie among real ones", read("fidelity.judge.density"), 0.5, 0.1, {
        "good": "In the judge's features, the faces lie among real ones",
        "warning": "In the judge's features, many of the faces lie where real ones are rare",
        "bad": "In the judge's features, hardly any face lies among real ones",
    }),
    Rule("realism", "the faces are like real ones", frechet_ratio, 1.5, 3.0, {
        "good": "In the judge's features, the faces are distributed like real ones",
        "warning": "In the judge's features, the distribution of the faces differs from that of real ones",
        "bad": "In the judge's features, the distribution of the faces differs strongly from that of real ones",
    }),
    Rule("detail", "the faces are blurred", read("sharpness.detail"), BLURRED, 0.33, {
        "good": "The faces have about as much detail as real ones",
        "warning": "The faces are somewhat blurred",
        "bad": "The faces are blurred",
    }),
    Rule("detail", "the faces are noisy", read("sharpness.detail"), NOISY, 3.0, {
        "good": "The faces have about as much detail as real ones",
        "warning": "The faces are somewhat noisy",
        "bad": "The faces are noisy",
    }),
    Rule("collapse", "the noise changes the faces", read("diversity.share_of_real"), 0.5,
         COLLAPSED, {
        "good": "Faces of one condition vary with the noise about as much as one person's real faces, or more",
        "warning": "Faces of one condition vary less with the noise than one person's real faces",
        "bad": "Collapsed: one face per condition, independent of the noise",
    }),
    Rule("collapse", "the noise changes the faces", pixel_variation, 0.3, COLLAPSED, {
        "good": "The noise changes the picture",
        "warning": "The noise changes the picture little",
        "bad": "Collapsed: one picture per condition, independent of the noise",
    }),
    Rule("people", "the faces cover as many people as real ones", read("people_covered.share_of_real"), 0.5, 0.25, {
        "good": "The faces cover about as many people as second real faces do",
        "warning": "The faces cover fewer people than second real faces do",
        "bad": "The faces are those of few people, independent of the condition",
    }),
    Rule("condition", "the faces follow the condition", normalised_matching, KEPT, IGNORED, {
        "good": "The faces follow the condition",
        "warning": "The faces follow the condition less than real faces do",
        "bad": "The condition is ignored",
    }),
    Rule("memory", "training faces are repeated", read("memorisation.share"), 0.15, 0.5, {
        "good": "The faces are no nearer to training faces than real ones are",
        "warning": "More faces lie close to training faces than real ones do: check the nearest ones",
        "bad": "Training faces are repeated",
    }),
    Rule("overshoot", "the faces exaggerate", read("preference.over_true"), 0.55, 0.65,
         _OVERSHOOTS),
    Rule("overshoot", "the faces exaggerate", excess("v2f"), 0.05, 0.15, _OVERSHOOTS),
    Rule("overshoot", "the faces exaggerate", excess("f2v"), 0.05, 0.15, _OVERSHOOTS),
)  # fmt: skip
"""All limits are ours, and round: 0.5 and 0.1 times the value of real faces, or 1.5 and 3 times. Their verdicts on
generators with known faults are in docs/results/stand_ins.md."""
LOST_WARNING, LOST_BAD = 0.8, 0.5
"""Limits of normalised matching on unseen people or clips, as a share of that on known ones (ours)."""


def _generalisation(unseen: Figures, known: Figures, split: str, known_split: str) -> Verdict:
    """Compare normalised matching on two splits; the verdict is undecided if it is at chance on known ones."""
    question = f"what was learnt on {known_split} holds on {split}"
    try:
        here, there = normalised_matching(unseen), normalised_matching(known)
    except MissingError as reason:
        return Verdict(UNDECIDED, "warning", f"Undecided whether {question}: {reason}.")
    numbers = f"matching as a share of real faces': {_range(there)} on {known_split}, {_range(here)} on {split}"
    if there.high <= IGNORED:
        return Verdict(
            UNDECIDED,
            "warning",
            f"Undecided whether {question}: the condition is ignored on {known_split} ({numbers}).",
        )
    if here.high < LOST_BAD * there.low:
        return Verdict("generalisation", "bad", f"Does not generalise from {known_split} to {split} ({numbers}).")
    if here.high < LOST_WARNING * there.low:
        return Verdict("generalisation", "warning", f"Much of what was learnt is lost on {split} ({numbers}).")
    if here.low >= LOST_BAD * there.high:
        return Verdict("generalisation", "good", f"What was learnt on {known_split} holds on {split} ({numbers}).")
    sentence = f"Undecided at this size whether {question} ({numbers}); evaluate more clips."
    return Verdict(UNDECIDED, "warning", sentence)


def _range(quantity: Quantity) -> str:
    return f"{quantity.value:.2f} ({quantity.low:.2f} to {quantity.high:.2f})"
