"""Verdicts on a generator, in words, from the figures of its report.

A rule reads one quantity from figures, by their keys, and grades both ends of its interval. Where the two grades
agree, that is the verdict; where neither end is good, the milder grade; where one end is good and the other is not, the
rule is undecided at this size, and so it is where a figure is missing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from facegen.evaluation.figures import by_key
from facegen.evaluation.quantities import (
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

if TYPE_CHECKING:
    from facegen.evaluation.report import Report

Severity = Literal["good", "warning", "bad"]
UNDECIDED = "undecided"


@dataclass(frozen=True)
class Verdict:
    """Statement about a generator.

    Attributes:
        kind: what it is about: the kind of a rule below, or "undecided".
        severity: "good", or how wrong it is; what is undecided is a warning.
        sentence: in words, with the numbers.
    """

    kind: str
    severity: Severity
    sentence: str


@dataclass(frozen=True)
class Rule:
    """Rule that grades one quantity.

    Attributes:
        kind: what it is about. Of several rules of a kind the worst speaks.
        question: what is undecided where it is undecided, after "whether".
        quantity: what it grades.
        warning, bad: where the quantity stops being good, and where it is bad; `bad` beyond `warning` means that much
            is wrong, `bad` below `warning` that little is.
        says: a sentence a grade; the numbers follow in brackets.
    """

    kind: str
    question: str
    quantity: Callable[[Figures], Quantity]
    warning: float
    bad: float
    says: Mapping[Severity, str]

    def grade(self, value: float) -> Severity:
        """Grade a value; a value at a limit gets the better grade."""
        sign = 1 if self.bad >= self.warning else -1
        if sign * value > sign * self.bad:
            return "bad"
        return "warning" if sign * value > sign * self.warning else "good"

    def judge(self, figures: Figures) -> Verdict:
        """Return the verdict; raise MissingError if a figure is missing."""
        found = self.quantity(figures)
        grades = {self.grade(end) for end in (found.low, found.high)}
        if "good" in grades and len(grades) > 1:
            sentence = f"Undecided at this size whether {self.question} ({found.numbers}); more clips would tell."
            return Verdict(UNDECIDED, "warning", sentence)
        grade = min(grades, key=_BADNESS.index)
        return Verdict(self.kind, grade, f"{self.says[grade]} ({found.numbers}).")


_BADNESS: tuple[Severity, ...] = ("good", "warning", "bad")
BLURRED, NOISY = 0.67, 1.5
"""Detail below or above this share of real faces'."""
COLLAPSED = 0.15
"""Faces of one condition vary by less than this share of what real ones do: the monitor's threshold."""
KEPT, IGNORED = 0.5, 0.1
"""What follows the condition, and what does not, as shares of what real faces reach above chance."""


def verdicts(report: "Report", known: "Report | None" = None) -> list[Verdict]:
    """Derive verdicts from the figures of a report.

    Args:
        report: of any split.
        known: the report of the same run and judge on people or clips that it was trained on; with it, the two splits
            are compared.
    Returns:
        One verdict a kind at least, the worst first, undecided questions last; nothing for a run that draws no faces.
    """
    if report.step is None:
        return []
    found = judge_figures(by_key(report))
    if known is not None:
        found.append(_generalisation(by_key(report), by_key(known), report.split, known.split))
    return sorted(found, key=lambda verdict: (verdict.kind == UNDECIDED, -_BADNESS.index(verdict.severity)))


def judge_figures(figures: Figures) -> list[Verdict]:
    """Apply every rule; of several rules of a kind, keep the worst verdict."""
    found = []
    for kind in dict.fromkeys(rule.kind for rule in RULES):
        said: list[Verdict] = []
        missing: list[str] = []
        rules = [rule for rule in RULES if rule.kind == kind]
        for rule in rules:
            try:
                said.append(rule.judge(figures))
            except MissingError as reason:
                missing.append(str(reason))
        if said:
            found.append(max(said, key=_rank))
        else:
            sentence = f"Undecided whether {rules[0].question}: {' and '.join(missing)}."
            found.append(Verdict(UNDECIDED, "warning", sentence))
    return [_doubted(verdict) for verdict in found] if judge_fails_on_real_faces(figures) else found


def _doubted(verdict: Verdict) -> Verdict:
    """Add a caveat to overshoot by a judge that does not match real faces."""
    if verdict.kind != "overshoot" or verdict.severity == "good":
        return verdict
    return replace(verdict, sentence=f"{verdict.sentence} {_SHARED_ACCIDENTS}")


def _rank(verdict: Verdict) -> float:
    """Rank by severity; undecided is between good and warning."""
    return 0.5 if verdict.kind == UNDECIDED else float(_BADNESS.index(verdict.severity))


_OVERSHOOTS: Mapping[Severity, str] = {
    "good": "The faces are not more like what the judge expects of the condition than real faces are",
    "warning": "Overshoot: the faces match the condition somewhat better than real faces do, which is no success",
    "bad": "Overshoot: the faces exaggerate what the condition tells; they are stereotypes",
}

_SHARED_ACCIDENTS = (
    "As the judge does not match real faces above chance, this may as well be what run and judge both learnt by heart "
    "of the same training people."
)

RULES: tuple[Rule, ...] = (
    Rule("realism", "the faces lie among real ones", read("fidelity.judge.density"), 0.5, 0.1, {
        "good": "To the judge the faces lie where real ones do",
        "warning": "To the judge many of the faces lie where real ones are rare",
        "bad": "No faces at all to the judge: hardly any lies among real ones",
    }),
    Rule("realism", "the faces are like real ones", frechet_ratio, 1.5, 3.0, {
        "good": "To the judge the faces are distributed like real ones",
        "warning": "The faces are distributed otherwise than real ones",
        "bad": "The faces are unlike real ones",
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
        "bad": "Collapsed: one face a condition, whatever the noise",
    }),
    Rule("collapse", "the noise changes the faces", pixel_variation, 0.3, COLLAPSED, {
        "good": "The noise changes the picture",
        "warning": "The noise changes the picture little",
        "bad": "Collapsed: one picture a condition, whatever the noise",
    }),
    Rule("people", "the faces cover as many people as real ones", read("people_covered.share_of_real"), 0.5, 0.25, {
        "good": "The faces cover about as many people as second real faces do",
        "warning": "The faces cover fewer people than second real faces do",
        "bad": "The faces are those of few people, whatever the condition",
    }),
    Rule("condition", "the faces follow the condition", normalised_matching, KEPT, IGNORED, {
        "good": "The faces follow the condition",
        "warning": "The faces follow the condition less than real faces do",
        "bad": "The condition is ignored",
    }),
    Rule("memory", "training faces are repeated", read("memorisation.share"), 0.15, 0.5, {
        "good": "The faces are no nearer to training faces than real ones are",
        "warning": "More faces lie close to training faces than real ones do: look at the nearest ones",
        "bad": "Training faces are repeated",
    }),
    Rule("overshoot", "the faces exaggerate", read("preference.over_true"), 0.55, 0.65,
         _OVERSHOOTS),
    Rule("overshoot", "the faces exaggerate", excess("v2f"), 0.05, 0.15, _OVERSHOOTS),
    Rule("overshoot", "the faces exaggerate", excess("f2v"), 0.05, 0.15, _OVERSHOOTS),
)  # fmt: skip
"""All limits are ours, and round: half and a tenth of what real faces reach, or once and a half and thrice as much.
What they say of generators with known faults stands in docs/results/stand_ins.md."""
LOST_WARNING, LOST_BAD = 0.8, 0.5
"""Generalisation: of what is kept on known people or clips, the share that is kept on others (ours)."""


def _generalisation(unseen: Figures, known: Figures, split: str, known_split: str) -> Verdict:
    """Compare normalised matching on two splits; good only if something was learnt."""
    question = f"what was learnt on {known_split} holds on {split}"
    try:
        here, there = normalised_matching(unseen), normalised_matching(known)
    except MissingError as reason:
        return Verdict(UNDECIDED, "warning", f"Undecided whether {question}: {reason}.")
    numbers = f"kept of real faces' matching: {_range(there)} on {known_split}, {_range(here)} on {split}"
    if there.high <= IGNORED:
        return Verdict(UNDECIDED, "warning", f"Undecided whether {question}: nothing was learnt ({numbers}).")
    if here.high < LOST_BAD * there.low:
        return Verdict("generalisation", "bad", f"Does not generalise from {known_split} to {split} ({numbers}).")
    if here.high < LOST_WARNING * there.low:
        return Verdict("generalisation", "warning", f"Much of what is learnt is lost on {split} ({numbers}).")
    if here.low >= LOST_BAD * there.high:
        return Verdict("generalisation", "good", f"What was learnt on {known_split} holds on {split} ({numbers}).")
    sentence = f"Undecided at this size whether {question} ({numbers}); more clips would tell."
    return Verdict(UNDECIDED, "warning", sentence)


def _range(found: Quantity) -> str:
    return f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"
